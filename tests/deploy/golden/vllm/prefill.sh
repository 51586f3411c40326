#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on vllm 0.31.0.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with vLLM, releases of 2026 (0.14 and later), 2.5% worse than the plan.
# prefill: 13057 replicas of 2 chips on gb300-nvl72, one server each.
# decode: 153 replicas of 16 chips on gb300-nvl72, 4 servers each.
# decode: an attention group admits 417 requests, the planned mean of 384 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - prefill, decode: requests have to meet prefill before decode: vLLM starts the two pools but no router between
#   them; llm-d and Dynamo bring one
# - plan: 4:1 oversubscription of the fabric: is built into the fabric
set -eu
export VLLM_NIXL_SIDE_CHANNEL_HOST="${VLLM_NIXL_SIDE_CHANNEL_HOST:-$(hostname -i)}"
exec vllm serve nvidia/DeepSeek-R1-NVFP4 \
  --served-model-name chat-r1 \
  --host 0.0.0.0 \
  --port 8000 \
  --tensor-parallel-size 1 \
  --prefill-context-parallel-size 2 \
  --max-num-batched-tokens 8192 \
  --max-model-len 126528 \
  --gpu-memory-utilization 0.93 \
  --kv-cache-dtype fp8 \
  --enable-prefix-caching \
  --kv-transfer-config '{"kv_connector":"NixlConnector","kv_role":"kv_both"}'
