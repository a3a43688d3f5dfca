# sample: attribution-report-python
"""What each channel earned under the company's weights, and the return on what it cost: pip install requests."""

import os

import requests

answer = requests.get(
    f"{os.environ['WIDGETS']}/consumers/attribution/v1/report",
    params={"first": "2026-05-01", "last": "2026-05-31", "currency": "EUR"},
    headers={"Authorization": f"Bearer {os.environ['ATTRIBUTION_TOKEN']}"},
    timeout=10,
)
answer.raise_for_status()
for row in answer.json()["rows"]:
    earned = row["models"].get("company", {"net": "0.00"})
    print(row["channel"], earned["net"], row["return_on_spend"].get("company", "-"))
# end of sample
