// sample: attribution-report-js
const { WIDGETS, ATTRIBUTION_TOKEN } = process.env;
const query = new URLSearchParams({ first: '2026-05-01', last: '2026-05-31', currency: 'EUR' });
const answer = await fetch(`${WIDGETS}/consumers/attribution/v1/report?${query}`, {
  headers: { Authorization: `Bearer ${ATTRIBUTION_TOKEN}` },
});
if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
for (const { channel, models, return_on_spend } of (await answer.json()).rows) {
  console.log(channel, models.company?.net ?? '0.00', return_on_spend.company ?? '-');
}
// end of sample
