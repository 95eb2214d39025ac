"""What is not as it should be with a stage that works all the same."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("stages", sa.Column("notice", sa.Text, server_default="", nullable=False))
