use super::*;
use std::num::NonZeroU32;

#[test]
fn the_burst_is_the_rate_rounded_up_when_not_set() {
    for (args, rate, burst) in [
        (&["--control-rate", "0.5"][..], 0.5, 1),
        (&["--control-rate", "2.1"], 2.1, 3),
        (&["--control-rate", "10", "--control-burst", "40"], 10.0, 40),
    ] {
        assert_eq!(
            start(args).settings().limits.control_rate,
            Some(ControlRate { rate, burst: NonZeroU32::new(burst).unwrap() })
        );
    }
}
