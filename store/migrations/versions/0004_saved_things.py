"""Recipes, scenarios and the like can be saved by name; prompt sets have tags, none so far."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_saved_kind")),
    )
    with op.batch_alter_table("prompt_sets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tags", sa.JSON(none_as_null=True), server_default="[]", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("prompt_sets", schema=None) as batch_op:
        batch_op.drop_column("tags")
    op.drop_table("saved")
