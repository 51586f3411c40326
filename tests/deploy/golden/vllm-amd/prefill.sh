#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on vllm 0.31.0.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with 8x AMD Instinct MI355X server (liquid), 14.2% worse than the plan.
# The plan may not choose mi355x-node-liquid: buy: unverified system.price_per_chip; rent: unverified
#   system.rent_committed.
# prefill: 21993 replicas of 2 chips on mi355x-node-liquid, one server each.
# decode: 419 replicas of 8 chips on mi355x-node-liquid, one server each.
# decode: an attention group admits 283 requests, the planned mean of 256 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - prefill, decode: requests have to meet prefill before decode: vLLM starts the two pools but no router between
#   them; llm-d and Dynamo bring one
# - plan: 4:1 oversubscription of the fabric: is built into the fabric
set -eu
export VLLM_NIXL_SIDE_CHANNEL_HOST="${VLLM_NIXL_SIDE_CHANNEL_HOST:-$(hostname -i)}"
exec vllm serve amd/DeepSeek-R1-MXFP4-Preview \
  --served-model-name chat-r1 \
  --host 0.0.0.0 \
  --port 8000 \
  --tensor-parallel-size 1 \
  --prefill-context-parallel-size 2 \
  --max-num-batched-tokens 8192 \
  --max-model-len 126528 \
  --gpu-memory-utilization 0.9 \
  --kv-cache-dtype fp8 \
  --enable-prefix-caching \
  --kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_both"}'
