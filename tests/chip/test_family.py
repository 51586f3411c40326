"""Kernel families and the kernels bound to a chip: the records, fallbacks, clocks, and shapes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import numpy as np
import pytest

from stackwright.catalog import Catalog
from stackwright.chip.accelerator import Accelerator
from stackwright.chip.basis import operator_bases
from stackwright.chip.communication import EXCHANGE_PARTS, ExchangeFamily
from stackwright.chip.family import FORMATS, PARTS, KernelFamily, Kernels
from stackwright.core.errors import StackwrightError

FITTED = ("ampere", "ada", "hopper", "blackwell")
PRIORS = ("rubin", "cdna", "gaudi", "tpu", "trainium", "maia", "mtia", "custom")


@cache
def catalog() -> Catalog:
    return Catalog.load()


def family(name: str) -> KernelFamily:
    made = catalog().get("chip", f"kernels-{name}").spec(KernelFamily)
    assert isinstance(made, KernelFamily)
    return made


def kernels(chip: str, name: str, **changed: float) -> Kernels:
    accelerator = catalog().get("chip", chip).spec(Accelerator)
    return Kernels(accelerator=accelerator, family=family(name), **changed)


def every_time(made: Kernels, size: object) -> dict[str, object]:
    return {
        "gemm": made.gemm(size, 4096.0, 4096.0, "bf16"),
        "prefill": made.prefill_attention(size, size, 2.0, 32.0, 8.0, 128.0, 0.0, "bf16"),
        "decode": made.decode_attention(size, 2048.0, 32.0, 8.0, 128.0, 0.0, 2.0),
        "latent_prefill": made.latent_prefill(size, size, 2.0, 128.0, 128.0, 64.0, 128.0),
        "latent_decode": made.latent_decode(size, 2048.0, 128.0, 512.0, 64.0, 1.0),
        "experts": made.experts(size, 7168.0, 2048.0, 8.0, 256.0, 1.0, 8.0, 3.0, "bf16"),
        "recurrence": made.recurrence(size, size, 1e6, 1e6),
        "indexer": made.indexer(1.0, 4096.0, size, 64.0, 128.0),
        "elementwise": made.elementwise(1e6 * size),  # type: ignore[operator]
    }


@pytest.mark.parametrize("name", [*FITTED, *PRIORS])
def test_every_family_has_what_serving_asks_for(name: str) -> None:
    made = family(name)
    for part in ("bf16", "experts_bf16", "prefill", "decode", "decode_fp8", "latent_prefill", "latent", "vector"):
        assert made.has(part), part
    for table in ("gemm", "prefill", "decode", "latent_prefill", "latent_decode", "experts"):
        residual = made.part(f"{table}_residual", PARTS[f"{table}_residual"])
        assert residual.low < 1.0 < residual.high


@pytest.mark.parametrize("name", PRIORS)
def test_families_without_measurements_are_less_certain(name: str) -> None:
    values = catalog().get("chip", f"kernels-{name}").values
    known = catalog().get("chip", "kernels-hopper").values
    for field in ("bf16_efficiency", "prefill_efficiency", "decode_bandwidth_efficiency"):
        wide, narrow = values[field], known[field]
        assert wide.high / wide.low > narrow.high / narrow.low
        assert wide.kind == "estimate"
    assert values["gemm_residual_high"].value > known["gemm_residual_high"].value


def test_records_say_how_well_they_fit() -> None:
    for name in FITTED:
        text = catalog().get("chip", f"kernels-{name}").text["residual"]
        assert {"gemm", "prefill", "decode", "experts"} <= set(text)


@pytest.mark.parametrize("name", ["hopper", "blackwell", "grace-blackwell"])
def test_exchanges_of_every_platform(name: str) -> None:
    made = catalog().get("chip", f"kernels-exchange-{name}").spec(ExchangeFamily)
    assert sum(made.has(part) for part in EXCHANGE_PARTS) >= 10


@pytest.mark.parametrize("chip,name", [("nvidia-h100-sxm", "hopper"), ("nvidia-gb200", "blackwell")])
def test_times_broadcast_and_agree_with_single_calls(chip: str, name: str) -> None:
    made, sizes = kernels(chip, name), np.array([1.0, 7.0, 64.0, 1000.0, 8192.0])
    for kernel, times in every_time(made, sizes).items():
        assert np.shape(times) == (5,), kernel
        assert np.all(times[1:] > 0.9 * times[:-1]), f"{kernel}: a bend outweighs the form"
        assert times[-1] > 2.0 * times[0], kernel
        single = [every_time(made, float(size))[kernel] for size in sizes]
        assert times == pytest.approx(np.array(single), rel=1e-12), kernel


def test_numpy_and_jax_agree() -> None:
    made, sizes = kernels("nvidia-b200", "blackwell"), np.array([3.0, 200.0, 5000.0])
    with jax.enable_x64():
        other = every_time(made, jax.numpy.asarray(sizes))
        for kernel, times in every_time(made, sizes).items():
            assert np.asarray(other[kernel]) == pytest.approx(times, rel=1e-9), kernel


def test_a_lower_clock_slows_compute_but_not_memory() -> None:
    full, half = kernels("nvidia-h100-sxm", "hopper"), kernels("nvidia-h100-sxm", "hopper", clock=0.5)
    large, small = (8192.0, 8192.0, 8192.0, "bf16"), (1.0, 16384.0, 16384.0, "bf16")
    assert half.gemm(*large) / full.gemm(*large) == pytest.approx(2.0, rel=0.03)
    assert half.gemm(*small) / full.gemm(*small) < 1.3
    assert half.elementwise(1e9) == full.elementwise(1e9)


def test_scale_multiplies_every_time() -> None:
    plain, slow = kernels("nvidia-h100-sxm", "hopper"), kernels("nvidia-h100-sxm", "hopper", scale=1.5)
    for kernel, time in every_time(plain, 64.0).items():
        assert every_time(slow, 64.0)[kernel] == pytest.approx(1.5 * time), kernel  # type: ignore[operator]


def test_weights_of_a_format_that_the_chip_lacks_are_widened() -> None:
    old, new = kernels("nvidia-h100-sxm", "hopper"), kernels("nvidia-b200", "blackwell")
    assert not old.native("fp4")
    assert old.supports("fp4")
    assert new.native("fp4")
    few, many = (4.0, 16384.0, 16384.0), (8192.0, 8192.0, 8192.0)
    assert old.gemm(*few, "fp4") < old.gemm(*few, "bf16")
    assert old.gemm(*many, "fp4") > 0.7 * old.gemm(*many, "bf16")
    assert new.gemm(*many, "fp4") < 0.5 * new.gemm(*many, "bf16")


def test_the_cache_format_may_be_an_axis() -> None:
    made = kernels("nvidia-h100-sxm", "hopper")
    both = made.decode_attention(64.0, 8192.0, 32.0, 8.0, 128.0, 0.0, np.array([2.0, 1.0]))
    apart = [made.decode_attention(64.0, 8192.0, 32.0, 8.0, 128.0, 0.0, size) for size in (2.0, 1.0)]
    assert both == pytest.approx(np.array(apart))


def test_what_cannot_be_timed_is_said() -> None:
    made = kernels("nvidia-a100-80gb-sxm", "ampere")
    with pytest.raises(StackwrightError, match="experts_fp8_block"):
        made.experts(64.0, 4096.0, 1536.0, 8.0, 128.0, 1.0, 1.0, 3.0, "fp8_block")
    blank = replace(made, accelerator=replace(made.accelerator, compute_units=None))
    with pytest.raises(StackwrightError, match="compute units"):
        blank.gemm(1.0, 1.0, 1.0, "bf16")


def test_chips_without_a_public_unit_count_use_the_family_s() -> None:
    assert kernels("nvidia-rubin", "rubin").gemm(4096.0, 8192.0, 8192.0, "bf16") > 0.0


def test_isolated_calls_have_a_floor() -> None:
    made = kernels("nvidia-h100-sxm", "hopper")
    assert 1e-6 < made.launch("bf16") < 1e-5 < made.launch("fp8") < 5e-5
    assert made.quantize(1024.0, 4096.0, "fp8") > made.quantize(1024.0, 4096.0, "bf16")


@pytest.mark.parametrize("name", FORMATS)
def test_formats_store_no_more_than_their_activations(name: str) -> None:
    assert 0.5 <= FORMATS[name].weight_bytes <= FORMATS[name].activation_bytes <= 2.0


def test_the_tensor_processor_prior_reproduces_the_matmul_that_set_it() -> None:
    tpu = kernels("google-tpu-v6e", "tpu")
    reached = 2.0 * 8192.0**3 / tpu.gemm(8192.0, 8192.0, 8192.0, "bf16")
    assert reached == pytest.approx(827e12, rel=0.15)


@pytest.mark.parametrize("name", FITTED)
def test_bends_stay_small_beside_the_forms(name: str) -> None:
    values = catalog().get("chip", f"kernels-{name}").values
    bends = [datum.value for field, datum in values.items() if "_bend_" in field]
    assert bends
    assert np.quantile(np.abs(np.log(bends)), 0.9) < np.log(1.5)


def test_only_benchmarks_find_their_operands_in_the_cache() -> None:
    chip = catalog().get("chip", "nvidia-l40s").spec(Accelerator)
    family = catalog().get("chip", "kernels-ada").spec(KernelFamily)
    cold, warm = (Kernels(accelerator=chip, family=family, warm=warm) for warm in (False, True))
    assert warm.gemm(1.0, 4096.0, 4096.0, "bf16") < 0.6 * cold.gemm(1.0, 4096.0, 4096.0, "bf16")
    assert warm.gemm(1.0, 16384.0, 65536.0, "bf16") == cold.gemm(1.0, 16384.0, 65536.0, "bf16")


@pytest.mark.parametrize(
    "chip,part,basis",
    [
        ("nvidia-h100-sxm", "bf16", "fitted"),
        ("nvidia-h20", "bf16", "scaled"),
        ("nvidia-h100-sxm", "int4_weight", "bounded"),
        ("amd-mi300x", "bf16", "bounded"),
    ],
)
def test_every_operator_says_how_its_time_is_known(chip: str, part: str, basis: str) -> None:
    family = catalog().get("chip", str(catalog().get("chip", chip).links["kernels"]))
    found = {one.operator: one for one in operator_bases(chip, family)}
    assert found[part].basis == basis
    assert found["elementwise"].basis == "bounded"
    assert all(0.0 < one.low <= 1.0 <= one.high for one in found.values())


def test_what_is_not_measured_on_a_chip_is_known_less_well() -> None:
    family = catalog().get("chip", "kernels-hopper")
    own = {one.operator: one for one in operator_bases("nvidia-h200-sxm", family)}
    other = {one.operator: one for one in operator_bases("nvidia-h20", family)}
    assert all(other[part].high / other[part].low >= one.high / one.low for part, one in own.items())
