//! `--endpoint` over a network and to a server that fail in the middle. A server that is silent: the command's own tests.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::proxy::{Direction, Proxy};
use integration_tests::resilience::place::kill9;

use super::{Ended, Place, fill, gatepost, moved};
use crate::start;

fn endpoint(address: SocketAddr) -> String {
    format!("--endpoint=http://{address}")
}

#[test]
fn an_export_asks_again_for_the_page_in_which_it_was_cut_off() {
    let server = start();
    fill(&server, 1_200);
    let proxy = Proxy::start(server.control());
    proxy.cut_after(150_000, Direction::ToClient);
    let args = ["export", "--format=csv", "--reveal-values", &endpoint(proxy.address())];
    let through = gatepost(&args).expect(0);
    assert_eq!(proxy.cuts(), 1);
    let args = ["export", "--format=csv", "--reveal-values", &endpoint(server.control())];
    assert_eq!(through.stdout, gatepost(&args).expect(0).stdout);
    assert!(through.stderr.starts_with("exported 1202 keys"), "{}", through.stderr);
    server.stop();
}

#[test]
fn a_key_whose_answer_was_lost_is_made_once_and_known_as_made() {
    let (from, to, place) = (start(), start(), Place::new());
    fill(&from, 50);
    let (key, out) = (place.flag("export-key-file", "export.key"), place.flag("output", "keys.export"));
    gatepost(&["export", &key, &out, &endpoint(from.control())]).expect(0);
    let proxy = Proxy::start(to.control());
    proxy.cut_after(5_000, Direction::ToClient);
    let file = place.path("keys.export").display().to_string();
    let done = gatepost(&["import", &file, &key, &endpoint(proxy.address())]).expect(0).stdout;
    assert!(done.contains(": 52 imported, 0 there already, 0 refused"), "{done}");
    assert_eq!(proxy.cuts(), 1);
    assert_eq!(moved(to.all_keys()), moved(from.all_keys()));
    from.stop();
    to.stop();
}

#[test]
fn a_csv_import_whose_answer_was_lost_is_answered_when_it_is_sent_again() {
    let (server, place) = (start(), Place::new());
    let rows = format!("name,key\none,{}\nshort,x\ntwo,{}\n", server.value(), server.value());
    fs::write(place.path("keys.csv"), rows).unwrap();
    let proxy = Proxy::start(server.control());
    proxy.cut_after(0, Direction::ToClient);
    let file = place.path("keys.csv").display().to_string();
    let done = gatepost(&["import", &file, &endpoint(proxy.address())]).expect(1);
    assert!(done.stdout.starts_with("2 keys for the server at ") && proxy.cuts() == 1, "{}", done.stdout);
    assert!(done.stderr.starts_with("Skipped invalid record: 2."), "{}", done.stderr);
    assert_eq!(server.all_keys().len(), 2);
    server.stop();
}

#[test]
fn an_import_goes_on_when_the_server_was_killed_and_is_back() {
    let (from, to, place) = (start(), Place::new(), Place::new());
    fill(&from, 1_500);
    let (key, out) = (place.flag("export-key-file", "export.key"), place.flag("output", "keys.export"));
    gatepost(&["export", &key, &out, &endpoint(from.control())]).expect(0);
    let server = to.serve();
    let at = server.control();
    let file = place.path("keys.export").display().to_string();
    let importing = thread::spawn(move || gatepost(&["import", &file, &key, &endpoint(at)]));
    let began = Instant::now();
    while server.all_keys().len() < 50 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is imported");
    }
    kill9(server);
    let server = to.serve_with(&[&format!("--control-listen={at}")]);
    assert!(server.all_keys().len() < 1_502, "it was killed too late to show anything");
    let done: Ended = importing.join().unwrap().expect(0);
    assert!(done.stdout.contains(": 1502 imported, 0 there already, 0 refused"), "{}", done.stdout);
    assert_eq!(moved(server.all_keys()), moved(from.all_keys()));
    from.stop();
    server.stop();
}
