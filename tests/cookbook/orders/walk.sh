# sample: orders-curl-compare
curl -sS "$SUMERU_HOST/api/v1/orders?limit=100&sort=-updated_at&include=attributions" -H "Authorization: Bearer $ATLANTIS_API_KEY"
# end of sample
