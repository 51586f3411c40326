"""Predictions for tables of measurements: known rows are near, unknown ones are refused with a reason."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.evidence import collectives, kernels
from stackwright.evidence.predictions import Predictions


@cache
def catalog() -> Catalog:
    return Catalog.load()


def columns(names: str, *rows: str) -> dict[str, list[str]]:
    cells = [row.split(",") for row in rows]
    return {name: [row[index] for row in cells] for index, name in enumerate(names.split(","))}


def near(made: Predictions, measured: list[float]) -> None:
    assert made.reason == [None] * len(measured)
    assert np.all((made.low <= made.value) & (made.value <= made.high))
    assert np.all(np.abs(np.log(made.value / np.array(measured))) < np.log(1.5))


def test_products() -> None:
    table = columns("gpu,dtype,m,n,k", "a100,bfloat16,1,1536,16384", "h100,bfloat16,1,64,10240")
    made = kernels.predict("gemm", table, catalog())
    assert isinstance(made, Predictions)
    assert made.value[0] == pytest.approx(0.0426, rel=0.3)


def test_attention_and_experts() -> None:
    latent = columns(
        "gpu,phase,dtype,kv_dtype,batch,isl,kv_len,heads",
        "gb300,context,bfloat16,bfloat16,4,512,512,32",
        "h100,generation,bfloat16,bfloat16,512,1,1024,64",
    )
    made = kernels.predict("mla", latent, catalog())
    assert isinstance(made, Predictions)
    near(made, [0.036949, 0.26554])
    moe = columns(
        "gpu,kernel_source,dtype,tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution",
        "h100,moe_torch_flow_cutlass,bfloat16,64,6144,2048,8,256,1,16,balanced",
    )
    made = kernels.predict("moe", moe, catalog())
    assert isinstance(made, Predictions)
    near(made, [0.41151])


def test_collectives_and_exchanges() -> None:
    table = columns("gpu,lib,op,dtype,num_gpus,bytes", "h100,nccl,all_reduce,half,8,1073741824")
    made = collectives.predict("collectives", table, catalog())
    half_the_size = 2.1114
    assert made.value[0] == pytest.approx(2.0 * half_the_size, rel=0.1), "switches that sum move half as much"
    exchange = columns(
        "gpu,kind,phase,dtype,ep_size,node_num,hidden,topk,experts,tokens,sms",
        "b300,trtllm_deepep_ht,dispatch,bfloat16,8,1,7168,8,384,256,0",
    )
    near(collectives.predict("moe_alltoall", exchange, catalog()), [147.73])


NAMES = (
    "hardware,n_accel,n_nodes,fabric,library,collective,algo,dtype,msg_bytes,metric,unit",
    "hardware,op,dtype,m,k,n,batch,kv_len,metric,unit",
)


def test_published_rows() -> None:
    links = columns(
        NAMES[0],
        "H100-SXM,8,1,NVLink4 NVSwitch,nccl-tests,all_reduce,,fp32,8589934592,busbw,GB/s",
        "H200-SXM,128,16,NVLink4 + EFA v3 16x200G,nccl-tests,all_reduce,,fp32,17179869184,busbw,GB/s",
        "TPU-v6e,256,64,ICI 16x16,micro,psum (all_reduce),,bf16,606076928,achieved_bw,GB/s",
    )
    near(collectives.predict("collectives", links, catalog()), [366.0, 369.9, 235.8])
    gemm = columns(NAMES[1], "TPU7x,gemm,bf16,16384,16384,16384,,,tflops_per_device,TFLOP/s")
    made = kernels.predict("kernels", gemm, catalog())
    assert isinstance(made, Predictions)
    near(made, [950.1])


def test_a_row_without_its_heads_is_imputed() -> None:
    made = kernels.predict("kernels", columns(NAMES[1], "H800,mha_decode,bf16,,,,16,4096,time,us"), catalog())
    assert isinstance(made, Predictions)
    assert made.imputed[0]
    assert made.high[0] > 3.0 * made.low[0]


@pytest.mark.parametrize(
    "row",
    [
        "no-such-chip,bfloat16,1,64,64",
        "h100,no_such_format,1,64,64",
        "h100,bfloat16,,64,64",
        "h100,bfloat16,many,64,64",
        "h100,nvfp4_of_tomorrow,1,64,64",
    ],
)
def test_what_cannot_be_predicted_has_a_reason(row: str) -> None:
    made = kernels.predict("gemm", columns("gpu,dtype,m,n,k", row), catalog())
    assert isinstance(made, Predictions)
    assert made.reason[0]
    assert made.value[0] == 0.0


def test_malformed_published_rows_are_refused() -> None:
    links = columns(
        NAMES[0],
        "H100-SXM,eight,1,NVLink4,nccl-tests,all_reduce,,fp32,1024,time,us",
        "H100-SXM,8,1,NVLink4,nccl-tests,gossip,,fp32,1024,time,us",
        "abacus,8,1,NVLink4,nccl-tests,all_reduce,,fp32,1024,time,us",
    )
    assert all(collectives.predict("collectives", links, catalog()).reason)


def test_the_power_table_has_two_figures() -> None:
    names = (
        "gpu,op,dtype,kv_dtype,batch,q_len,kv_len,heads,kv_heads,head_dim,window,"
        "tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution"
    )
    table = columns(
        names,
        "b200,moe,bfloat16,,,,,,,,,2048,8192,5120,22,512,2,1,power_law_1.2",
        "b200,generation_attention,bfloat16,fp8,2048,1,8,8,1,128,0,,,,,,,,",
        "b200,juggling,bfloat16,fp8,2048,1,8,8,1,128,0,,,,,,,,",
    )
    made = kernels.predict("kernel_power_b200", table, catalog())
    assert isinstance(made, dict)
    time, power = made["latency_ms"], made["power_w"]
    assert time.value[0] == pytest.approx(17.6, rel=0.4)
    assert power.value[0] == pytest.approx(990.0, rel=0.15)
    assert time.value[1] == pytest.approx(0.0225, rel=0.5)
    assert time.reason[2] == power.reason[2] is not None
