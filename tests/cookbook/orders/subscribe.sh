# sample: orders-curl-subscribe
curl -sS -X POST "$SUMERU_HOST/api/v1/webhook-subscriptions" \
  -H "Authorization: Bearer $ATLANTIS_API_KEY" -H "Content-Type: application/json" -H "Idempotency-Key: orders-1" \
  -d '{"url": "https://erp.example/sumeru", "events": ["order.created", "order.attributed"], "secret": "auto"}'
# end of sample
