#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on jetstream 0.2.2.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with Google TPU v6e (Trillium) pod, 1112.6% worse than the plan.
# The plan may not choose tpu-v6e-pod: buy: not sold: the price on record is its maker's own cost; rent: unverified
#   chip.tdp.
# Planned for vLLM on TPU (tpu-inference), whose speed and so the number of replicas are not those of jetstream.
# both: 9572 replicas of 64 chips on tpu-v6e-pod, 16 servers each.
# both: an attention group admits 23 requests, the planned mean of 16 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - both: a cache in fp8: MaxText stores its cache in bfloat16, or in int8 or int4 with quantize_kvcache
# - both: 90% of the memory for weights and cache: XLA takes what the compiled program needs
# - both: an endpoint of OpenAI's form: JetStream speaks gRPC of its own on port 9000, which the benchmark's clients
#   do not
# - both: weights in fp8: MaxText takes them from a checkpoint that was converted beforehand; here they are bfloat16,
#   which needs more memory
# - both: an image and a converted checkpoint: put your project in place of $PROJECT, and the checkpoint's folder into
#   CHECKPOINT in the environment of the servers
# - both: JetStream was archived on 2026-02-01: no version follows; vLLM on TPU takes its place
# - plan: pools of prefill and decode: the server of two pools (ExperimentalMaxtextDisaggregatedServer) rests on parts
#   that are not public; all chips are started as servers that prefill and decode in turns, so their number and their
#   latencies are not the plan's
set -eu
: "${NODE_RANK:?which server of the replica, from 0}" "${LEADER_ADDRESS:?address of server 0}"
exec python3 -m maxtext.inference.maxengine.maxengine_server maxtext/configs/base.yml \
  model_name=deepseek3-671b \
  tokenizer_path=deepseek-ai/DeepSeek-R1 \
  tokenizer_type=huggingface \
  "load_parameters_path=${CHECKPOINT:?folder of the checkpoint that MaxText converted}" \
  inference_server=MaxtextInterleavedServer \
  scan_layers=false \
  weight_dtype=bfloat16 \
  ici_tensor_parallelism=2 \
  ici_expert_parallelism=32 \
  ici_fsdp_parallelism=1 \
  per_device_batch_size=11.5 \
  max_target_length=126528 \
  max_prefill_predict_length=126528 \
  use_chunked_prefill=true \
  prefill_chunk_size=8192 \
  enable_prefix_caching=true \
  attention=dot_product \
  enable_model_warmup=true \
  prometheus_port=9090
