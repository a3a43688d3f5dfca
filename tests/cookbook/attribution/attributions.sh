# sample: attribution-curl
curl -sS "$SUMERU_API/api/v1/attribution?limit=100" -H "Authorization: Bearer $ATLANTIS_API_KEY"
# end of sample
