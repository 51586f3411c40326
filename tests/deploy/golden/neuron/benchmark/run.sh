#!/bin/sh
# A 70-billion-parameter model on Trainium, on neuron 0.9.0.
# Written by stackwright deploy from a plan of digest 2222222222222222.
# both: 300 replicas of 4 chips on trn2-ultraserver, one server each.
# both: an attention group admits 78 requests, the planned mean of 64 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - both: at most 2048 prompt tokens to a pass: chunked prefill goes by block sizes of its kernels
#   (chunked_prefill_config)
# - both: 90% of the memory for weights and cache: the compiler takes what the program needs
# Usage: URL=http://HOST:PORT ./run.sh [vllm | aiperf]
# Concurrency is that of one decode replica with its share of prefill; measured.yaml says how many.
set -eu
URL="${URL:-http://127.0.0.1:8000}"
HERE="$(cd "$(dirname "$0")" && pwd)"
for RUNNING in 16 32 64; do
  case "${1:-vllm}" in
  vllm)
    vllm bench serve \
      --backend openai \
      --endpoint /v1/completions \
      --base-url "$URL" \
      --model trainium \
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
      --model trainium \
      --tokenizer meta-llama/Llama-3.1-70B \
      --url "$URL" \
      --endpoint-type completions \
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
