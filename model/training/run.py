"""A whole run: vocabulary, continued pre-training, fine-tuning, weights; each stage resumes where it stopped."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer

from model import folder
from model.classifier import Classifier, choose_device, choose_precision
from model.errors import ModelError
from model.network import Network
from model.parts import whole
from model.training.any_base import open_base
from model.training.assemble import assemble, languages_of, split_three
from model.training.base import build_network
from model.training.bases import named_base
from model.training.config import Config
from model.training.corpus import corpus_files, read_lines
from model.training.distil import shallower
from model.training.finetune import finetune, frozen_copy
from model.training.outcome import measure, report
from model.training.pretrain import pretrain
from model.training.recipe import trainable
from model.training.rows import Row
from model.training.track import tracking
from model.training.vocabulary import build, choose, count_tokens, read_character_vectors, start_embeddings

log = logging.getLogger(__name__)

VOCABULARY = "vocabulary.json"
LINES_COUNTED = 20_000
DEV_A_SOURCE = 800
HELD_A_SOURCE = 1000


def train(
    config: Config,
    data: Path | None,
    out: Path,
    *,
    device: str = "auto",
    base: str | None = None,
    base_file: Path | None = None,
    own: Sequence[Path] = (),
    corrections: Path | None = None,
    allow_leaks: bool = False,
    tensorboard: bool = False,
    wandb_project: str | None = None,
    tell: Callable[[str], None] = log.info,
) -> Path:
    """Train as `config` says; return the folder of weights. `out` keeps checkpoints and logs; a second call goes on.

    Args:
        config: the settings of the run.
        data: folder with labelled/, corpus/ and weights/; None: a user's own rows alone.
        out: folder for vocabulary, checkpoints, logs and weights/.
        device: as the classifier's.
        base: a folder or name of any encoder to start from, in place of what `config.start` says.
        base_file: the jar of the encoder that `config.base` names, where it comes in one.
        own: files of labelled rows, see `user_rows`.
        corrections: such a file of corrected labels.
        allow_leaks: train although own rows have near-copies on both sides of the split.
        tensorboard: write event files to `out`/tensorboard.
        wandb_project: a project of Weights & Biases to log to.
        tell: takes what the user should know, a line at a time.

    Raises:
        ModelError: data, base encoder or configuration cannot be used.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    if data is None and not own and corrections is None:
        raise ModelError("nothing to train on; expected --data, --rows or --from-corrections")
    one = partial(
        _train_one, data=data, device=device, base=base, base_file=base_file, own=own, corrections=corrections,
        allow_leaks=allow_leaks, tensorboard=tensorboard, wandb_project=wandb_project, tell=tell,
    )  # fmt: skip
    parts = folder.languages(folder.SHIPPED) if base is None and (data is None or config.start == "shipped") else ()
    if not parts:
        return one(config, out)
    folders = {language: folder.SHIPPED / language for language in parts}
    for language in [config.language] if config.language else languages_of(config, data, own, corrections, tell):
        tell(f"the network that reads {language}")
        folders[language] = one(replace(config, language=language), out / language)
    folder.join(out / "weights", folders)
    return out / "weights"


def _train_one(
    config: Config,
    out: Path,
    *,
    data: Path | None,
    device: str,
    base: str | None,
    base_file: Path | None,
    own: Sequence[Path],
    corrections: Path | None,
    allow_leaks: bool,
    tensorboard: bool,
    wandb_project: str | None,
    tell: Callable[[str], None],
) -> Path:
    """Train one network; return the folder of its weights."""
    device, precision = _hardware(config, device)
    rows = assemble(config, data, own, corrections, allow_leaks=allow_leaks)
    for note in rows.notes:
        tell(note)
    tell(f"{len(rows.train):,} rows to train on, {len(rows.dev):,} to stop by, {len(rows.held):,} held out")
    with tracking(out, asdict(config), tensorboard=tensorboard, wandb_project=wandb_project) as trackers:
        network, tokenizer, fresh = _start(
            config, data, rows.train + rows.dev + rows.held, out, base=base, base_file=base_file
        )
        served = None if fresh or base is not None else frozen_copy(network)
        network, teacher = _student(network, config, device, precision)
        network.to(device)
        if fresh and data is not None and config.pretraining.steps:
            pretrain(
                network,
                tokenizer,
                data / "corpus",
                config.pretraining,
                seed=config.seed,
                precision=precision,
                out=out / "pretraining",
                trackers=trackers,
            )
        best = finetune(
            network,
            tokenizer,
            rows.train,
            sample_a_source(rows.dev, DEV_A_SOURCE),
            config.finetuning,
            seed=config.seed,
            precision=precision,
            out=out / "finetuning",
            mode=config.mode,
            teacher=teacher,
            trackers=trackers,
        )
    held = sample_a_source(rows.held, HELD_A_SOURCE)
    precision = "float32" if precision == "float16" else precision
    before = {} if served is None else measure(Classifier(whole(served, tokenizer), "", device, precision), held)
    report(before, measure(Classifier.load(best, device=device, precision=precision), held), out, tell)
    return _publish(best, out / "weights")


def _student(network: Network, config: Config, device: str, precision: str) -> tuple[Network, Network | None]:
    """Return what learns and its teacher: with `config.layers`, fewer layers of `network`, and `network`."""
    if not config.layers:
        return network, None
    tuning = config.finetuning
    teacher = frozen_copy(network).to(device, torch.bfloat16 if precision == "bfloat16" else torch.float32)
    return shallower(network, config.layers, tuning.dropout, tuning.encoder_dropout), teacher


def _hardware(config: Config, device: str) -> tuple[str, str]:
    device = choose_device(device)
    if config.precision != "float16":
        return device, choose_precision(config.precision, device)
    if device != "cuda":
        raise ModelError(f"precision float16 on {device}; expected cuda, or bfloat16 or float32")
    return device, "float16"


def split_rows(rows: Sequence[Row], fifth: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Return the rows to train on and those held out; near-copies are on one side only.

    Rows never trained on are all held out, and so are near-copies of them out of other sources.
    """
    train_rows, dev, held = split_three(rows, fifth, seed)
    return train_rows + dev, held


def sample_a_source(rows: Sequence[Row], at_most: int) -> list[Row]:
    """Return about `at_most` rows of each task and source, evenly spaced."""
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parts.setdefault((row.task, row.source), []).append(row)
    return [row for part in parts.values() for row in part[:: max(1, -(-len(part) // at_most))]]


def _start(
    config: Config, data: Path | None, rows: Sequence[Row], out: Path, *, base: str | None, base_file: Path | None
) -> tuple[Network, Tokenizer, bool]:
    """Return network and tokenizer to begin with, and whether new tokens wait for their meaning."""
    torch.manual_seed(config.seed)
    tuning = config.finetuning
    if base is not None:
        return *open_base(base, config), False
    if data is None or config.start == "shipped":
        own = config.language in folder.languages(folder.SHIPPED)
        served, tokenizer, _ = folder.load(folder.SHIPPED / config.language if own else folder.SHIPPED)
        network = Network(served.shape, tuning.dropout, tuning.encoder_dropout, hugging_face=True)
        network.load_state_dict(served.state_dict())
        return network, tokenizer, False
    return *_from_base(config, data, rows, out, base_file), True


def _from_base(
    config: Config, data: Path, rows: Sequence[Row], out: Path, base_file: Path | None
) -> tuple[Network, Tokenizer]:
    base = named_base(config.base, base_file)
    kept = out / VOCABULARY
    if kept.is_file():
        tokens = json.loads(kept.read_text(encoding="utf-8"))
    else:
        known, unknown = count_tokens(base.tokenizer, _all_texts(data / "corpus", trainable(rows), config.language))
        chinese = config.language != "en"
        tokens = choose(base, known, unknown, config.token_at_least, config.character_at_least, chinese=chinese)
        out.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(tokens, ensure_ascii=False), encoding="utf-8")
    words = start_embeddings(base, tokens, read_character_vectors(data / "weights"), config.seed)
    torch.manual_seed(config.seed)
    network = build_network(
        base, words, config.max_tokens, config.finetuning.dropout, config.finetuning.encoder_dropout
    )
    return network, build(base, tokens, config.max_tokens)


def _all_texts(corpus: Path, rows: Sequence[Row], language: str) -> Iterator[str]:
    for path in corpus_files(corpus, language):
        yield from read_lines(path, LINES_COUNTED)
    for row in rows:
        yield row.text


def _publish(best: Path, weights: Path) -> Path:
    weights.mkdir(parents=True, exist_ok=True)
    # What was measured on the weights before says nothing of these.
    for name in folder.MEASURED:
        (weights / name).unlink(missing_ok=True)
    for name in (folder.WEIGHTS, folder.TOKENIZER, folder.CONFIG):
        shutil.copyfile(best / name, weights / name)
    return weights
