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
set -eu
export VLLM_NEURON_FRAMEWORK=neuronx-distributed-inference
exec vllm serve meta-llama/Llama-3.1-70B \
  --served-model-name trainium \
  --host 0.0.0.0 \
  --port 8000 \
  --tensor-parallel-size 16 \
  --max-num-seqs 78 \
  --max-model-len 1280 \
  --additional-config '{"override_neuron_config":{"tp_degree":16,"batch_size":78,"seq_len":1280,"is_continuous_batching":true,"quantized":true,"quantization_dtype":"f8e4m3","kv_cache_quant":false}}'
