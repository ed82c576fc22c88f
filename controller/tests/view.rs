//! The ledgers over plain HTTP: what C2SP's readers ask for, and nothing else.

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use support::Site;

/// The status, the head and the body of an answer to one request, as it is sent.
fn ask(address: &str, line: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, all[end + 4..].to_vec())
}

#[test]
fn readers_get_checkpoints_and_tiles_and_nobody_anything_else() {
    let mut site = Site::new();
    site.stop();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = site.path("site/site.toml");
    let address = format!("127.0.0.1:{port}");
    fs::write(&file, format!("ledger_listen = \"{address}\"\n{}", fs::read_to_string(&file).unwrap())).unwrap();
    site.start();
    let (status, head, note) = ask(&address, "GET /pusat-33.19/checkpoint");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; charset=utf-8") && head.contains("no-store"), "{head}");
    let note = String::from_utf8(note).unwrap();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    assert!(note.starts_with("pulih-ledger/pusat-33.19\n") && size > 0, "{note}");
    // Every entry that is under the checkpoint, in one partial bundle and its tile.
    let folder = site.path("store/site/pusat-33.19/ledger/tile");
    for (path, file) in [(format!("entries/000.p/{size}"), "entries"), (format!("0/000.p/{size}"), "0")] {
        let (status, head, bytes) = ask(&address, &format!("GET /pusat-33.19/tile/{path}"));
        assert_eq!(status, 200, "{file}");
        assert!(head.contains("application/octet-stream") && head.contains("immutable"), "{head}");
        assert_eq!(bytes, fs::read(folder.join(&path)).unwrap());
    }
    let (status, head, body) = ask(&address, "HEAD /pusat-33.19/checkpoint");
    assert_eq!((status, body.len()), (200, 0));
    assert!(head.contains(&format!("content-length: {}", note.len())), "{head}");
    assert_eq!(ask(&address, &format!("GET /pusat-33.19/checkpoint/{size:020}")).2, note.as_bytes());

    for nothing in [
        "/",
        "/pusat-33.19",
        "/pusat-33.19/",
        "/drc-33.19/checkpoint",
        "/pusat-33.19/checkpoint/7",
        "/pusat-33.19/checkpoint/99999999999999999999",
        "/pusat-33.19/batch/00000000000000000/00000000000000000000",
        "/pusat-33.19/tile/0/000.p/200",
        "/pusat-33.19/tile/0/000",
        "/pusat-33.19/tile/",
        "/pusat-33.19/tile/../batch/00000000000000000/00000000000000000000",
        "/pusat-33.19/tile/../../../../site/ledger.key",
        "/pusat-33.19/tile/%2e%2e/%2e%2e/policies",
        "/pusat-33.19/../pusat-33.19/checkpoint",
        "//pusat-33.19/checkpoint",
        "/../site/site.toml",
        "/pusat-33.19/cosignature",
    ] {
        let (status, _, body) = ask(&address, &format!("GET {nothing}"));
        assert_eq!((status, body.len()), (404, 0), "{nothing}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(ask(&address, &format!("{method} /pusat-33.19/checkpoint")).0, 405, "{method}");
    }
    site.stop();
    assert!(TcpStream::connect(&address).is_err());
}
