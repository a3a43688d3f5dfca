# sample: orders-curl-receive
BODY='{"id": "evt_1", "type": "order.created", "created_at": "2026-03-01T10:00:00Z", "shop_domain": "small.example", "data": {"order_id": "ord_1"}}'
PROOF=$(printf '%s' "$BODY" | openssl dgst -sha256 -hmac "$SUMERU_WEBHOOK_SECRET" | sed 's/^.* //')
curl -sS -o /dev/null -w '%{http_code}' "$RECEIVER" -H "X-Sumeru-Signature: sha256=$PROOF" --data-raw "$BODY"
# end of sample
