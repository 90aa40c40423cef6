"""The tables. Times named `*_at` are seconds since the epoch, UTC; times named `*_ns` are monotonic.

Free-form facts (recipes, manifests, summaries) are JSON columns: they are read whole and never searched in SQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        float: Float(53),
    }


class PromptSetRow(Base):
    """A saved prompt set; `name` is what people type, `content_hash` what identifies it, `score` the rule that tells a
    right answer."""

    __tablename__ = "prompt_sets"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(Text, default="")
    size: Mapped[int] = mapped_column(Integer)
    score: Mapped[str] = mapped_column(String(20), default="contains", server_default="contains")
    tags: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    created_at: Mapped[float]


class PromptRow(Base):
    __tablename__ = "prompts"
    prompt_set_id: Mapped[int] = mapped_column(ForeignKey("prompt_sets.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[dict[str, Any]]


class ModelRow(Base):
    """A checkpoint that people can choose by name; `location` is a folder or a hub id."""

    __tablename__ = "models"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    location: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float]


class SavedRow(Base):
    """What people keep by name: `kind` is "recipe", "scenario" or another word for what `content` holds."""

    __tablename__ = "saved"
    __table_args__ = (UniqueConstraint("kind", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(80))
    content: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class ExperimentRow(Base):
    """Runs meant to be compared. `status`: queued, running, done, failed, interrupted or cancelled."""

    __tablename__ = "experiments"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), index=True)
    spec: Mapped[dict[str, Any]]
    phase: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str | None] = mapped_column(Text)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    engine_starts: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class AnalysisRow(Base):
    """What was worked out of an experiment, as text; `key` stands for all that it was worked out from."""

    __tablename__ = "analyses"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)


class RunRow(Base):
    """One recipe x prompt set x load profile x repeat. `rung` orders recipes within the experiment."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("experiment_id", "rung", "repeat"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), index=True)
    rung: Mapped[int]
    repeat: Mapped[int]
    label: Mapped[str] = mapped_column(Text)
    recipe: Mapped[list[Any]]
    status: Mapped[str] = mapped_column(String(20))
    planned_requests: Mapped[int]
    error: Mapped[str | None] = mapped_column(Text)
    manifest: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class SegmentRow(Base):
    """An unbroken stretch of a run on one engine. A resumed run has more than one."""

    __tablename__ = "segments"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    engine_id: Mapped[int | None] = mapped_column(ForeignKey("engines.id", ondelete="SET NULL"))
    started_at: Mapped[float]
    observed: Mapped[dict[str, Any] | None]


class RequestRow(Base):
    """One prompt sent once, warm-up excluded. Times are nanoseconds from the segment's own clock."""

    __tablename__ = "requests"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    segment: Mapped[int] = mapped_column(default=0)
    scheduled_ns: Mapped[int] = mapped_column(BigInteger)
    sent_ns: Mapped[int | None] = mapped_column(BigInteger)
    first_byte_ns: Mapped[int | None] = mapped_column(BigInteger)
    first_token_ns: Mapped[int | None] = mapped_column(BigInteger)
    last_token_ns: Mapped[int | None] = mapped_column(BigInteger)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    reasoning: Mapped[str] = mapped_column(Text, default="")
    finish_reason: Mapped[str | None] = mapped_column(String(40))
    prompt_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    client_prompt_tokens: Mapped[int | None]
    client_completion_tokens: Mapped[int | None]
    prepared_ns: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    token_ns: Mapped[list[Any]]
    error: Mapped[str | None] = mapped_column(Text)


class EngineRow(Base):
    """A vLLM server that Rung launched, or was asked to launch, or an endpoint that it attached to.

    `status`: requested, starting, ready, stopped or failed. `pid` with `pid_started_at` (the process's creation
    time) tells an orphan from a stranger that was given the same pid.
    """

    __tablename__ = "engines"
    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("experiments.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(20), index=True)
    spec: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any] | None]
    base_url: Mapped[str | None] = mapped_column(Text)
    pid: Mapped[int | None]
    pid_started_at: Mapped[float | None]
    log_path: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    stop_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float]
    ready_at: Mapped[float | None]
    stopped_at: Mapped[float | None]


class WorkerRow(Base):
    """The one worker of this store, or the last one. Always row 1."""

    __tablename__ = "workers"
    id: Mapped[int] = mapped_column(primary_key=True)
    pid: Mapped[int]
    pid_started_at: Mapped[float]
    host: Mapped[str] = mapped_column(Text)
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]


Index("ix_runs_experiment_rung", RunRow.experiment_id, RunRow.rung)
