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
# Usage: URL=http://HOST:PORT ./run.sh [vllm | aiperf]
# Concurrency is that of one decode replica with its share of prefill; measured.yaml says how many.
set -eu
URL="${URL:-http://127.0.0.1:8000}"
HERE="$(cd "$(dirname "$0")" && pwd)"
for RUNNING in 1536 3072 6144; do
  case "${1:-vllm}" in
  vllm)
    vllm bench serve \
      --backend openai \
      --endpoint /v1/completions \
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
      --endpoint-type completions \
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
