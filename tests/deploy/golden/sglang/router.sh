#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on sglang 0.5.21.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with SGLang, releases of 2026 (0.5.6 and later), 10.2% worse than the plan.
# prefill: 13781 replicas of 2 chips on gb300-nvl72, one server each.
# decode: 197 replicas of 16 chips on gb300-nvl72, 4 servers each.
# decode: an attention group admits 283 requests, the planned mean of 256 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - plan: 4:1 oversubscription of the fabric: is built into the fabric
set -eu
exec python3 -m sglang_router.launch_router \
  --pd-disaggregation \
  --host 0.0.0.0 \
  --port 8000 \
  --prefill "$PREFILL_URL" 8998 \
  --decode "$DECODE_URL"
