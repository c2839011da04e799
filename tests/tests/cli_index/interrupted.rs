//! Ctrl-C ends a wait for an index at once, and leaves nothing.

use std::process::Child;
use std::time::{Duration, Instant};

use wheelmark_tests::index_server::{INTEGRITY, Payload, file_path, integrity_path};

use wheelmark_tests::program::{interrupt, started};

use super::*;

fn start(place: &Place) -> Child {
    started(&place.verify(&RELEASE))
}

#[test]
fn ctrl_c_ends_a_wait_at_once_and_leaves_nothing() {
    let place = Place::new();
    let part = demo().bytes[..100].to_vec();
    let octets = |payload| Reply::of("application/octet-stream", "").with_payload(payload);
    let slow = Reply::status(429).with("retry-after", "29");
    for (path, reply) in [
        (integrity_path(FILENAME), slow),
        (integrity_path(FILENAME), Reply::of(INTEGRITY, "").with_payload(Payload::Silent)),
        (file_path(FILENAME), octets(Payload::Stalled(part))),
        (page_path(PROJECT), Reply::of(PAGE, "").with_payload(Payload::Silent)),
    ] {
        place.server.told(&path, reply);
        let before = asked(&place, &path);
        let mut child = start(&place);
        while asked(&place, &path) == before {
            assert_eq!(child.try_wait().expect("a child"), None, "{path}: it ended by itself");
            std::thread::yield_now();
        }
        let began = Instant::now();
        interrupt(&child);
        let output = child.wait_with_output().expect("it ends");
        // Any bound of the program's own would have been reached later.
        assert!(began.elapsed() < Duration::from_secs(20), "{path}");
        assert_eq!(output.status.code(), Some(1), "{path}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr, "error: interrupted, nothing was written\n", "{path}");
        place.left_nothing();
    }
}

#[test]
fn not_even_a_kill_leaves_a_download() {
    let place = Place::new();
    let stalled = Payload::Stalled(demo().bytes[..100].to_vec());
    let reply = Reply::of("application/octet-stream", "").with_payload(stalled);
    place.server.told(&file_path(FILENAME), reply);
    let mut child = start(&place);
    while asked(&place, &file_path(FILENAME)) == 0 {
        assert_eq!(child.try_wait().expect("a child"), None, "it ended by itself");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    place.left_nothing();
}
