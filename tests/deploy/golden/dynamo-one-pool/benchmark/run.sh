#!/bin/sh
# A 70-billion-parameter model as a chat product, on dynamo 1.6.1.
# Written by stackwright deploy from a plan of digest 1111111111111111.
# both: 88 replicas of 2 chips on hgx-b200-liquid, one server each.
# both: an attention group admits 78 requests, the planned mean of 64 and 1.645 standard deviations of a Poisson
#   number.
# Usage: URL=http://HOST:PORT ./run.sh [vllm | aiperf]
# Concurrency is that of one decode replica with its share of prefill; measured.yaml says how many.
set -eu
URL="${URL:-http://127.0.0.1:8000}"
HERE="$(cd "$(dirname "$0")" && pwd)"
for RUNNING in 16 32 64; do
  case "${1:-vllm}" in
  vllm)
    vllm bench serve \
      --backend openai-chat \
      --endpoint /v1/chat/completions \
      --base-url "$URL" \
      --model small \
      --tokenizer meta-llama/Llama-3.1-70B \
      --dataset-name random \
      --random-input-len 1024 \
      --random-output-len 256 \
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
      --model small \
      --tokenizer meta-llama/Llama-3.1-70B \
      --url "$URL" \
      --endpoint-type chat \
      --streaming \
      --synthetic-input-tokens-mean 1024 \
      --synthetic-input-tokens-stddev 0 \
      --output-tokens-mean 256 \
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
