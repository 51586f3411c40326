#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on tensorrt-llm 1.3.0rc29.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# prefill: 12480 replicas of 2 chips on gb300-nvl72, one server each.
# decode: 180 replicas of 16 chips on gb300-nvl72, 4 servers each.
# decode: an attention group admits 283 requests, the planned mean of 256 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - prefill: context parallel over 2 tensor groups: context_parallel_size goes by Ulysses, or in decode by Helix, not
#   by rings over a prompt's tokens as in the plan; the ranks become tensor ranks
# - prefill, decode: free_gpu_memory_fraction is a share of the memory that weights leave free, the plan's a share of
#   all: the cache is smaller by its complement of the weights
# - plan: 4:1 oversubscription of the fabric: is built into the fabric
# Usage: URL=http://HOST:PORT ./run.sh [vllm | aiperf]
# Concurrency is that of one decode replica with its share of prefill; measured.yaml says how many.
set -eu
URL="${URL:-http://127.0.0.1:8000}"
HERE="$(cd "$(dirname "$0")" && pwd)"
for RUNNING in 1024 2048 4096; do
  case "${1:-vllm}" in
  vllm)
    vllm bench serve \
      --backend openai-chat \
      --endpoint /v1/chat/completions \
      --base-url "$URL" \
      --model chat-r1 \
      --tokenizer nvidia/DeepSeek-R1-NVFP4 \
      --dataset-name random \
      --random-input-len 4419 \
      --random-output-len 251 \
      --ignore-eos \
      --max-concurrency "$RUNNING" \
      --num-prompts "$((RUNNING * 8))" \
      --percentile-metrics ttft,tpot,itl,e2el \
      --metric-percentiles 50,95,99 \
      --save-result \
      --result-dir "$HERE" \
      --result-filename "vllm-$RUNNING.json"
    ;;
  aiperf)
    aiperf profile \
      --model chat-r1 \
      --tokenizer nvidia/DeepSeek-R1-NVFP4 \
      --url "$URL" \
      --endpoint-type chat \
      --streaming \
      --synthetic-input-tokens-mean 4419 \
      --synthetic-input-tokens-stddev 0 \
      --output-tokens-mean 251 \
      --output-tokens-stddev 0 \
      --extra-inputs ignore_eos:true \
      --concurrency "$RUNNING" \
      --request-count "$((RUNNING * 8))" \
      --artifact-dir "$HERE/aiperf-$RUNNING"
    ;;
  *)
    echo "vllm or aiperf" >&2; exit 2
    ;;
  esac
done
