"""The same random orders through Python and JavaScript, cent by cent."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

from sumeru_proxy.consumers.attribution import credits, offers
from tests.sumeru_proxy.consumers.attribution import drawing

MODULE = Path(credits.__file__).parent / "static" / "attribution" / "credit.mjs"
MODELS = (
    "last",
    "last_non_direct",
    "first",
    "linear",
    "time_decay",
    "position",
    "company",
    "shapley_equal",
    "markov",
)


def node() -> str:
    """The path of Node. Raises AssertionError without it: cents that nobody compares are not equal."""
    path = shutil.which("node")
    assert path, "Node is missing; the JavaScript half cannot be compared"
    return path


def differences(count: int, seed: int) -> tuple[int, int]:
    """(credits compared, orders whose cents differ) over so many random orders."""
    random_ = random.Random(seed)
    models = [
        offers.model_named(name, drawing.PARAMETERS, drawing.RULES, drawing.EFFECTS if name == "markov" else None)
        for name in MODELS
    ]
    parameters = {
        "half_life_days": drawing.PARAMETERS.half_life_days,
        "position_parts": drawing.PARAMETERS.position_parts,
        "rules": [list(rule) for rule in drawing.RULES.rules],
        "effects": drawing.EFFECTS,
    }
    lines, expected, compared = [json.dumps(parameters)], [], 0
    for _ in range(count):
        conversion, touches, options = drawing.random_order(random_)
        lines.append(json.dumps(drawing.as_json(conversion, touches, options)))
        counted = credits.counted_touches(conversion, touches, options)
        cents = {
            model.name: [
                [each.touch.id, str(each.amount), str(each.refunded)]
                for each in credits.credit(conversion, counted, model)
            ]
            for model in models
        }
        compared += sum(len(each) for each in cents.values())
        expected.append(cents)
    script = Path(__file__).parent / "credit_cents.mjs"
    done = subprocess.run(
        [node(), str(script), str(MODULE)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == count, done.stderr
    return compared, sum(mine != theirs for mine, theirs in zip(expected, found, strict=True))
