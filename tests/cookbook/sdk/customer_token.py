# sample: sdk-token
import os
import time

from sumeru_client import mint_customer_token

customer_id = "cus_1"  # left out of the sample
token = mint_customer_token(os.environ["SUMERU_CUSTOMER_SECRET"], "SHOP", customer_id, now=time.time())
# end of sample
print(token)
