# sample: sdk-change
import os

from sumeru_client import Client, Refused

client = Client(token=os.environ["ATLANTIS_API_KEY"], host=os.environ["SUMERU_HOST"])
customer = next(client.every_customer())
try:
    # The same key for the same change: a program that starts again within 24 hours changes nothing twice.
    changed = client.update_customer(customer.id, {"tags": ["vip"]}, idempotency_key=f"vip-{customer.id}")
    print(changed.id, changed.tags)
except Refused as error:
    print(error.code, error.request_id)
# end of sample
