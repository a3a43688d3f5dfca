# sample: attribution-sdk
"""The same with the typed client, which retries, keeps the account's limits and reads money as decimals."""

import os
from collections import Counter
from decimal import Decimal

from sumeru_client import Client

sumeru = Client(token=os.environ["ATLANTIS_API_KEY"], host=os.environ.get("SUMERU_API", "https://api.sumeru.systems"))
WEIGHTS = {"email": 1200, "paid_search": 900, "direct": 0}  # thousandths; 1000 for every other channel
DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}  # decimals of a currency; 2 for most


def divide(total, weights):
    """Largest remainder: the shares sum to the total, each is within one cent of its exact value, ties go to the earlier."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda i: total * weights[i] % whole, reverse=True)
    for i in rest[: total - sum(shares)]:
        shares[i] += 1
    return shares


earned = Counter()
seen = set()
for entry in sumeru.every_attribution():
    if entry.order_id in seen or not entry.touchpoints:
        continue  # another model of the same order, or nobody to credit
    seen.add(entry.order_id)
    touches = sorted(entry.touchpoints, key=lambda touch: touch.occurred_at)
    weights = [WEIGHTS.get(touch.channel, 1000) for touch in touches]
    cents = int(entry.revenue.scaleb(DIGITS.get(entry.currency, 2)))
    if not any(weights):
        earned["(unattributed)", entry.currency] += cents
        continue
    for touch, share in zip(touches, divide(cents, weights), strict=True):
        earned[touch.channel, entry.currency] += share

for (channel, currency), cents in sorted(earned.items()):
    print(channel, currency, Decimal(cents).scaleb(-DIGITS.get(currency, 2)))
# end of sample
