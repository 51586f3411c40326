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
set -eu
CONFIG="${CONFIG:-$(dirname "$0")}"
: "${NODE_RANK:?which server of the replica, from 0}" "${LEADER_ADDRESS:?address of server 0}"
: "${HOSTS:?servers of the replica, as mpirun takes them}"
if [ "$NODE_RANK" -eq 0 ]; then
/usr/sbin/sshd && exec mpirun --allow-run-as-root -np 16 --map-by ppr:4:node -H $HOSTS trtllm-llmapi-launch trtllm-serve nvidia/DeepSeek-R1-NVFP4 \
  --host 0.0.0.0 \
  --port 8000 \
  --config "$CONFIG/decode.yaml" \
  --server_role GENERATION \
  --disagg_cluster_uri http://chat-r1-router:8000
else
exec /usr/sbin/sshd -D
fi
