ORDER=${ORDER:-ord_1}
# sample: orders-curl-write
curl -sS "$SUMERU_HOST/api/v1/orders/$ORDER?include=attributions" -H "Authorization: Bearer $ATLANTIS_API_KEY"
# end of sample
