# sample: sdk-orders
import os

from sumeru_client import Client, Unavailable

client = Client(token=os.environ["ATLANTIS_API_KEY"], host=os.environ["SUMERU_HOST"])
try:
    for order in client.every_order(sort="created_at", include=["attributions"]):
        channels = {touch.channel for found in order.attributions for touch in found.touchpoints}
        print(order.number, order.total_price, order.currency, ", ".join(sorted(channels)))
except Unavailable as error:
    raise SystemExit(f"Sumeru cannot be reached: {error}") from error
# end of sample
