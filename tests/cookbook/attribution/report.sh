# sample: attribution-report-curl
curl -sS "$WIDGETS/consumers/attribution/v1/report?first=2026-05-01&last=2026-05-31&currency=EUR" \
  -H "Authorization: Bearer $ATTRIBUTION_TOKEN"
# end of sample
