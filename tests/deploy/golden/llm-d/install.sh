#!/bin/sh
# DeepSeek-R1 for two billion chat requests a day, on llm-d 0.4.12.
# Written by stackwright deploy from a plan of digest 0000000000000000.
# Not the plan: its best alternative with vLLM, releases of 2026 (0.14 and later), 2.5% worse than the plan.
# prefill: 13057 replicas of 2 chips on gb300-nvl72, one server each.
# decode: 153 replicas of 16 chips on gb300-nvl72, 4 servers each.
# decode: an attention group admits 417 requests, the planned mean of 384 and 1.645 standard deviations of a Poisson
#   number.
# Not expressed here:
# - plan: 4:1 oversubscription of the fabric: is built into the fabric
set -eu
exec helm install chat-r1 --repo https://llm-d-incubation.github.io/llm-d-modelservice/ llm-d-modelservice --version v0.4.12 --values "$(dirname "$0")/values.yaml"
