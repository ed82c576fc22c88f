//! A real S3 server for a test: `SeaweedFS`, started by `scripts/dev-s3` in a folder of its own, and
//! ended with the test, also when that is killed.
#![allow(dead_code)] // Each test program uses a part of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Weed {
    folder: tempfile::TempDir,
    child: Child,
}

/// What a client is started with, for one of the identities `admin`, `agent` (append-only), `reader`.
pub type Env = HashMap<String, String>;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("scripts/dev-s3"))
        .find(|script| script.exists())
        .expect("scripts/dev-s3 is in a folder above")
}

fn done(args: &[&str]) -> String {
    let output = Command::new(script()).args(args).output().expect("python3 runs scripts/dev-s3");
    assert!(
        output.status.success(),
        "scripts/dev-s3 {args:?}: {}\nthese tests need SeaweedFS: run `scripts/dev-s3 install`, or name its program with PULIH_WEED",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("its output is text")
}

impl Weed {
    /// A server with a bucket `pulih` that has versioning and Object Lock.
    pub fn start() -> Self {
        done(&["install"]);
        // It draws its ports, and another program may be quicker.
        for _ in 0..3 {
            let folder = tempfile::tempdir().expect("makes a folder");
            let log = std::fs::File::create(folder.path().join("log")).expect("makes a log");
            let mut command = Command::new("setpriv");
            // Ends with the thread that starts it, which is that of the test.
            command.args(["--pdeathsig", "KILL"]).arg(script()).arg("run").arg(folder.path());
            let err = log.try_clone().expect("shares a log");
            let child =
                command.stdin(Stdio::null()).stdout(log).stderr(err).spawn().expect("setpriv (util-linux) runs");
            let mut weed = Self { folder, child };
            if weed.answers() {
                weed.bucket("pulih", true);
                return weed;
            }
            eprintln!("{}", weed.log());
        }
        panic!("SeaweedFS did not start");
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("the folder's name is text")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn answers(&mut self) -> bool {
        let process = self.child.id().to_string();
        Command::new(script()).args(["wait", self.path(), &process]).status().is_ok_and(|status| status.success())
    }

    pub fn bucket(&self, name: &str, locks: bool) {
        let mut args = vec!["bucket", self.path(), name];
        args.extend((!locks).then_some("--plain"));
        done(&args);
    }

    pub fn env(&self, who: &str) -> Env {
        let text = done(&["env", self.path(), who]);
        let pairs = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
