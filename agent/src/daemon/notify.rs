//! What systemd is told of the daemon: `sd_notify(3)`, one datagram to the socket that the
//! environment names.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use pulih_terminal::printable;

/// Tells nobody if nobody asked to be told.
#[derive(Debug, Default)]
pub struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl Notify {
    /// `socket` is `$NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub fn new(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(name) = socket.map(OsStr::as_bytes).filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match name.strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(OsStr::from_bytes(name))?,
        };
        Ok(Self { to: Some((UnixDatagram::unbound()?, address)) })
    }

    pub fn ready(&self) {
        self.send("READY=1");
    }

    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line that `systemctl status` shows.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", printable(text)));
    }

    fn send(&self, state: &str) {
        if let Some((socket, address)) = &self.to {
            // Whoever does not listen any more misses nothing that the daemon could change.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// How often to say that the daemon is alive: half of what systemd waits, `$WATCHDOG_USEC`, if
/// `$WATCHDOG_PID` is this process or is not set.
pub fn watchdog_interval(usec: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let usec: u64 = usec?.parse().ok()?;
    (usec > 1).then(|| Duration::from_micros(usec / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 200];
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let len = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_hears_what_happens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::new(Some(path.as_os_str())).unwrap();
        notify.ready();
        notify.status("next run\nSTOPPING=1");
        notify.alive();
        notify.stopping();
        let expected = ["READY=1", "STATUS=next run\\u{a}STOPPING=1", "WATCHDOG=1", "STOPPING=1"];
        assert_eq!(expected.map(|_| heard(&socket)), expected);
    }

    #[test]
    fn an_abstract_socket_hears_it_too() {
        let name = format!("pulih-notify-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Notify::new(Some(format!("@{name}").as_ref())).unwrap().ready();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn nobody_asked_and_nobody_listens() {
        Notify::new(None).unwrap().ready();
        Notify::new(Some("".as_ref())).unwrap().ready();
        Notify::new(Some("/nonexistent/notify".as_ref())).unwrap().ready();
        assert!(Notify::new(Some("x".repeat(200).as_ref())).is_err());
    }

    #[test]
    fn half_of_what_systemd_waits() {
        assert_eq!(watchdog_interval(Some("60000000"), None, 7), Some(Duration::from_secs(30)));
        assert_eq!(watchdog_interval(Some("60000000"), Some("7"), 7), Some(Duration::from_secs(30)));
        for (usec, pid) in [(None, None), (Some("x"), None), (Some("0"), None), (Some("60000000"), Some("8"))] {
            assert_eq!(watchdog_interval(usec, pid, 7), None);
        }
    }
}
