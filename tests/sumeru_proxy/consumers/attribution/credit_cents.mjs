// Reads orders, one JSON a line after a first line of parameters; writes each order's cents under every model, one JSON a line.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const credit = await import(pathToFileURL(process.argv[2]));
let models;
let output = '';
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  if (!models) {
    const { half_life_days, position_parts, rules, effects } = given;
    models = {
      last: credit.last,
      last_non_direct: credit.lastNonDirect,
      first: credit.first,
      linear: credit.linear,
      time_decay: credit.timeDecay(half_life_days),
      position: credit.position(...position_parts),
      company: credit.company(rules),
      shapley_equal: credit.shapleyEqual,
      markov: credit.byEffects(effects),
    };
    continue;
  }
  const cents = {};
  for (const [name, weigh] of Object.entries(models)) {
    const found = credit.credit(given.conversion, given.touches, weigh, given.options);
    cents[name] = found?.touches.map(({ id }, i) => [id, `${found.credits[i]}`, `${found.refunds[i]}`]) ?? [];
  }
  output += `${JSON.stringify(cents)}\n`;
}
process.stdout.write(output);
