"""How a view compares with the training data of its bundle."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("instances", sa.Column("input_distance", sa.Float(), nullable=True))
    op.add_column(
        "instances",
        sa.Column("input_warning", sa.String(length=16), server_default="", nullable=False),
    )
