"""Run the stages as processes: `supervisor` starts and watches them, `stage.run` is the loop of each.

`lifeline` ends them with their supervisor, `stage_lock` keeps two of a kind apart, `node` names the machine,
`sd_notify` speaks with systemd, `hindrance` tells what passes by itself, `pace` bounds a batch in time.
"""
