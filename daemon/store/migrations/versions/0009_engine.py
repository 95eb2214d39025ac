"""What computed the numbers of a view; until now that was torch in float32 alone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("instances", sa.Column("engine", sa.String(64), server_default="", nullable=False))
    op.execute("UPDATE instances SET engine = 'torch float32' WHERE state = 'analyzed'")
