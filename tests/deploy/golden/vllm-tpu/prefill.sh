#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on vllm 0.31.0.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with Google TPU7x (Ironwood) pod, 287.1% worse than the plan.
# The plan may not choose tpu-v7-pod: buy: not sold: the price on record is its maker's own cost; rent: unverified
#   system.rent_committed.
# prefill: 22804 replicas of 4 chips on tpu-v7-pod, one server each.
# decode: 132 replicas of 32 chips on tpu-v7-pod, 8 servers each.
# decode: an attention group admits 215 requests, the planned mean of 192 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - prefill, decode: requests have to meet prefill before decode: vLLM starts the two pools but no router between
#   them; llm-d and Dynamo bring one
set -eu
exec vllm serve deepseek-ai/DeepSeek-R1 \
  --served-model-name chat-r1 \
  --host 0.0.0.0 \
  --port 8000 \
  --tensor-parallel-size 8 \
  --max-num-batched-tokens 8192 \
  --max-model-len 126528 \
  --gpu-memory-utilization 0.9 \
  --kv-cache-dtype fp8 \
  --enable-prefix-caching \
  --kv-transfer-config '{"kv_connector":"TPUConnector","kv_connector_module_path":"tpu_inference.distributed.tpu_connector","kv_role":"kv_producer"}'
