#!/bin/sh
# A 70-billion-parameter model as a chat product, on vllm 0.31.0.
# Written by stackwright deploy from a plan of digest 1111111111111111.
# both: 88 replicas of 2 chips on hgx-b200-liquid, one server each.
# both: an attention group admits 78 requests, the planned mean of 64 and 1.645 standard deviations of a Poisson
#   number.
set -eu
exec vllm serve meta-llama/Llama-3.1-70B \
  --served-model-name small \
  --host 0.0.0.0 \
  --port 8000 \
  --tensor-parallel-size 2 \
  --max-num-seqs 78 \
  --max-num-batched-tokens 2126 \
  --max-model-len 1280 \
  --gpu-memory-utilization 0.93 \
  --quantization fp8 \
  --kv-cache-dtype auto
