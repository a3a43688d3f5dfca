# sample: sdk-client
import os

from sumeru_client import Client

sumeru = Client(
    token=os.environ["ATLANTIS_API_KEY"],
    public_key=os.environ["SUMERU_PUBLIC_KEY"],
    host=os.environ["SUMERU_HOST"],  # https://api.sumeru.systems, or https://eu.api.sumeru.systems
)
# end of sample
print(sumeru.products(limit=1).products[0].title)
