"""DeepSeek-V4: one shared key-value vector per token, a window, and compressed keys beyond it.

Every layer attends to a sliding window of tokens. Most also attend to compressed keys: with ratio 4
(compressed sparse attention) an indexer selects among them, with ratio 128 (heavily compressed
attention) all are read. Residual streams are mixed by hyper-connections. Keys and values are the same
vector, so the attention is a latent attention whose latent is the whole head.

Sources: DeepSeek-AI, DeepSeek-V4 technical report and model card (2026); config.json of
DeepSeek-V4-Pro and DeepSeek-V4-Flash.
"""

from __future__ import annotations

from dataclasses import dataclass

from stackwright.model.architecture import Architecture
from stackwright.model.blocks import draft_step, experts, feed_forward, head, normalization
from stackwright.model.cache import Cache, State
from stackwright.model.frame import Config, Frame, assemble, read_frame
from stackwright.model.keys import Keys
from stackwright.model.operators import Elementwise, Gemm, LatentAttention
from stackwright.model.parts import Part

ARCHITECTURES = ("DeepseekV4ForCausalLM",)

OVERLAPPING = 4
"""The ratio at which neighboring blocks overlap and an indexer selects: compressed sparse attention."""


def read(config: Config) -> Architecture:
    """A DeepSeek-V4 decoder. Source: the report named in this module."""
    keys = config.keys
    frame = read_frame(config)
    mixer = _Mixer.read(keys, frame)
    streams = keys.count("hc_mult")
    inner = keys.count("moe_intermediate_size")
    total = keys.count("n_routed_experts")
    active = keys.count("num_experts_per_tok", most=total)
    shared = keys.count("n_shared_experts")
    hashed = keys.count("num_hash_layers", 0, zero=True, most=frame.layers)
    ratios = keys.counts("compress_ratios", frame.layers)
    drafts = keys.count("num_nextn_predict_layers", 0, zero=True)
    if any(ratio not in (0, OVERLAPPING, 128) for ratio in ratios):
        keys.fault("compress_ratios", "ratios 0, 4 or 128")
    expert_precision = keys.word("expert_dtype", ("fp4", "fp8"), "fp8")
    keys.only("attention_bias", False)
    keys.known(("hc_eps", "hc_sinkhorn_iters", "swiglu_limit", "compress_rope_theta"))
    keys.done()
    frame.precision["experts"] = expert_precision

    def layer(ratio: int, *, by_hash: bool) -> tuple[Part, ...]:
        return (
            normalization(frame.hidden, count=2),
            _hyper_connections(frame.hidden, streams),
            *mixer.parts(ratio),
            # Layers that route by token hash have no load-balancing bias.
            *experts(
                hidden=frame.hidden,
                inner=inner,
                experts=total,
                active=active,
                router_vectors=0 if by_hash else total,
            ),
            feed_forward(frame.hidden, shared * inner, role="shared_expert"),
        )

    gather = Part(
        "residual",
        (Gemm("streams_to_one", streams * frame.hidden, streams, 1, "replicated", "router"),),
        vectors=streams + 1,
    )
    layers = [part for at in range(frame.layers) for part in layer(ratios[at], by_hash=at < hashed)]
    draft: tuple[Part, ...] = ()
    if drafts:
        draft = draft_step(hidden=frame.hidden, vocabulary=frame.vocabulary, layer=(*layer(0, by_hash=False), gather))
    end = (gather, *head(frame.vocabulary, frame.hidden, tied=frame.tied))
    return assemble(config, frame, layers, draft=draft, end=end)


def _hyper_connections(hidden: int, streams: int) -> Part:
    """Both sub-layers read a mix of all residual streams and write back to all of them."""
    mixes = (2 + streams) * streams
    return Part(
        "residual",
        (
            Gemm("streams_mix", streams * hidden, mixes, 2, "replicated", "router"),
            Elementwise("streams", 3 * streams * hidden, 2),
        ),
        vectors=2 * (mixes + 3),
    )


@dataclass(frozen=True)
class _Mixer:
    hidden: int
    heads: int
    head_dim: int
    query_rank: int
    output_rank: int
    output_groups: int
    window: int
    selected: int
    indexer_heads: int
    indexer_dim: int

    @classmethod
    def read(cls, keys: Keys, frame: Frame) -> _Mixer:
        heads, groups = keys.count("num_attention_heads"), keys.count("o_groups")
        keys.divides(heads, groups, "num_attention_heads", "o_groups")
        keys.only("num_key_value_heads", 1)
        keys.known(("qk_rope_head_dim",))
        return cls(
            hidden=frame.hidden,
            heads=heads,
            head_dim=keys.count("head_dim"),
            query_rank=keys.count("q_lora_rank"),
            output_rank=keys.count("o_lora_rank"),
            output_groups=groups,
            window=keys.count("sliding_window"),
            selected=keys.count("index_topk"),
            indexer_heads=keys.count("index_n_heads"),
            indexer_dim=keys.count("index_head_dim"),
        )

    def parts(self, ratio: int) -> tuple[Part, ...]:
        if ratio == 0:
            return (self.local(),)
        if ratio == OVERLAPPING:
            return (self.local(), self.compressed(ratio), self.indexer(ratio))
        return (self.local(), self.compressed(ratio))

    def local(self) -> Part:
        query, group = self.heads * self.head_dim, self.heads * self.head_dim // self.output_groups
        return Part(
            "attention",
            (
                Gemm("qkv_down", self.hidden, self.query_rank + self.head_dim, 1, "replicated", "attention"),
                Gemm("query_up", self.query_rank, query, 1, "column", "attention"),
                Elementwise("rotary", 4 * query, 1, sharded=True),
                self.attend(window=self.window),
                Gemm("attention_output_down", group, self.output_rank, self.output_groups, "column", "attention"),
                Gemm("attention_output", self.output_groups * self.output_rank, self.hidden, 1, "row", "attention"),
            ),
            vectors=self.query_rank + self.head_dim + self.heads,
            caches=(Cache(self.head_dim, 1, window=self.window),),
        )

    def compressed(self, ratio: int) -> Part:
        selects = ratio == OVERLAPPING
        attend = self.attend(
            compress=ratio,
            selected=self.selected if selects else 0,
            indexer_heads=self.indexer_heads if selects else 0,
            indexer_dim=self.indexer_dim if selects else 0,
        )
        gemm, vectors, state = self.compressor(ratio, self.head_dim)
        return Part(
            "attention",
            (gemm, attend),
            vectors=vectors,
            caches=(Cache(self.head_dim, 1, compress=ratio),),
            states=(state,),
        )

    def indexer(self, ratio: int) -> Part:
        gemm, vectors, state = self.compressor(ratio, self.indexer_dim)
        return Part(
            "indexer",
            (
                Gemm(
                    "indexer_query",
                    self.query_rank,
                    self.indexer_heads * self.indexer_dim,
                    1,
                    "replicated",
                    "attention",
                ),
                Gemm("indexer_weights", self.hidden, self.indexer_heads, 1, "replicated", "attention"),
                gemm,
            ),
            vectors=vectors,
            caches=(Cache(self.indexer_dim, 1, compress=ratio, index=True),),
            states=(state,),
        )

    def compressor(self, ratio: int, dim: int) -> tuple[Gemm, int, State]:
        """Keys and their weights, the learned positions in a block and the norm, and the open block kept in FP32."""
        width = (2 if ratio == OVERLAPPING else 1) * dim
        blocks = 2 if ratio == OVERLAPPING else 1
        gemm = Gemm("compressor", self.hidden, 2 * width, 1, "replicated", "attention")
        return gemm, ratio * width + dim, State(2 * width * ratio * blocks, 4.0, heads=1)

    def attend(
        self, *, window: int = 0, compress: int = 1, selected: int = 0, indexer_heads: int = 0, indexer_dim: int = 0
    ) -> LatentAttention:
        return LatentAttention(
            heads=self.heads,
            latent=self.head_dim,
            rope=0,
            nope=self.head_dim,
            value_dim=self.head_dim,
            count=1,
            window=window,
            selected=selected,
            indexer_heads=indexer_heads,
            indexer_dim=indexer_dim,
            compress=compress,
        )
