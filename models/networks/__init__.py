"""Networks, written out: `architectures` names them, `member.Member` is a backbone with its linear head."""
