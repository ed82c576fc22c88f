//! The thread that talks to the site: a report each minute and after each run, the policy when
//! there is a new one, a certificate in time. A site that cannot be reached is asked again a minute
//! later, for as long as it takes.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use pulih_protocol::report::ReportTaken;
use pulih_stores::gateway::SiteClient;

use super::super::drc;
use super::super::failure::Failure;
use super::super::status;
use super::super::tell;
use super::NOT_ENROLLED;
use super::certificate;
use super::shared::{Shared, start_thread};
use crate::daemon::follow::{Verdict, judge};
use crate::state::Home;

const EVERY: Duration = Duration::from_secs(60);
/// Reports of one beat: what waits after days without the site goes out soon, and not at once.
const MOST_REPORTS: usize = 8;
/// What the site knows is asked for so many beats after it was asked the last time.
const VIEW_EVERY: u32 = 10;
/// And the DRC what it has.
const HEADS_EVERY: u32 = 60;

/// The thread, as the deciding one sees it.
pub struct Beats {
    nudge: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Beats {
    /// Without it the site would take this server for dead.
    pub fn must_live(&self) -> Result<(), Failure> {
        if self.thread.is_finished() {
            return Err(Failure::said("what talks to the site has ended, which is a mistake in this program"));
        }
        Ok(())
    }

    /// A beat now, and not in a minute.
    pub fn now(&self) {
        // One that waits already is as good.
        let _ = self.nudge.try_send(());
    }
}

pub fn start(shared: Arc<Shared>) -> Result<Beats, Failure> {
    let (nudge, nudges) = mpsc::sync_channel(1);
    let mut line = Line { shared, unreached: None, passed_over: String::new(), until_view: 0, until_heads: 0 };
    let thread = start_thread("site", move || {
        loop {
            let result = line.beat();
            line.tell(result);
            status::leave(&line.shared);
            match nudges.recv_timeout(EVERY) {
                Ok(()) => (line.until_view, line.until_heads) = (0, 0),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(Beats { nudge, thread })
}

struct Line {
    shared: Arc<Shared>,
    /// Why the last beat failed: said once.
    unreached: Option<String>,
    /// What the site called the policy that was not taken.
    passed_over: String,
    until_view: u32,
    until_heads: u32,
}

impl Line {
    /// The site; and the DRC each hour, after each run, and whenever the site is away.
    fn beat(&mut self) -> Result<(), Failure> {
        let at_home = self.at_home();
        let away = at_home.as_ref().is_err_and(Failure::is_away);
        if !away && self.until_heads > 0 {
            self.until_heads -= 1;
            return at_home;
        }
        let at_drc = self.at_drc(away);
        if at_drc.is_ok() {
            self.until_heads = HEADS_EVERY;
        }
        match (at_home, at_drc) {
            (Ok(()), at_drc) => at_drc.map(|_| ()),
            (Err(_), Ok(Some(Home::Drc))) => Ok(()),
            // The new Pusat Data has a policy that this agent may be waiting for.
            (Err(_), Ok(Some(Home::Site))) => self.at_home(),
            (at_home, _) => at_home,
        }
    }

    /// Asks the DRC what it has; `away`: and where this agent goes on: there, or at a new Pusat Data, which is its site
    /// from now on.
    fn at_drc(&self, away: bool) -> Result<Option<Home>, Failure> {
        let shared = &self.shared;
        let site = shared.state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
        let Some(known) = shared.state.drc()? else { return Ok(None) };
        let heads = drc::ask(&shared.state, &site, &known, (shared.clock)())?;
        let known = shared.state.drc()?.unwrap_or(known);
        if away && heads.disaster.is_some() {
            // Its policy is not followed: it is the DRC's own, and the last one of the Pusat Data stands.
            let taken = self.report(&SiteClient::open(&known.credentials(&site))?)?;
            if taken.renew {
                drc::renew(&shared.state, &site, &known)?;
            }
            return Ok(Some(Home::Drc));
        }
        if away {
            let moved = drc::move_to(&shared.state, &site, &known, &heads)?;
            if let Some(site) = &moved {
                tell(
                    "note",
                    &format!("the DRC names a new Pusat Data; going on at {} ({})", site.name, site.credentials.url),
                );
            }
            return Ok(moved.map(|_| Home::Site));
        }
        if let Some(moved) = heads.moved.filter(|moved| moved.ca != site.credentials.ca) {
            let text = format!(
                "{} says that the Pusat Data is at {} now; {} still answers, and is followed as long as it does",
                known.card.name, moved.url, site.credentials.url
            );
            shared.alarm("pusat-moved", &moved.ca, &text);
        }
        Ok(None)
    }

    fn at_home(&mut self) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let mut site = shared.state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
        if certificate::has_lapsed(&site, (shared.clock)()) {
            site = certificate::renew_lapsed(&shared.state, &site, (shared.clock)())?;
        }
        let client = SiteClient::open(&site.credentials)?;
        let taken = self.report(&client)?;
        if self.policy(&client, &taken)? {
            // That it is followed, or what is alarming about it, is worth a report of its own.
            self.report(&client)?;
        }
        if taken.renew {
            certificate::renew(&shared.state, &site)?;
        }
        if self.until_view == 0 {
            if let Some(odd) = drc::learn(&shared.state, &site, &client)? {
                shared.alarm(odd.alarm, &odd.about, &odd.text);
            }
            shared.view(&client)?;
            self.until_view = VIEW_EVERY;
        }
        self.until_view -= 1;
        Ok(())
    }

    fn report(&self, client: &SiteClient) -> Result<ReportTaken, Failure> {
        let mut sent = 0;
        loop {
            let (report, portion) = self.shared.next_report();
            let taken = client.report(&report)?;
            self.shared.taken(&portion);
            sent += 1;
            if sent == MOST_REPORTS || self.shared.waiting() == 0 {
                return Ok(taken);
            }
        }
    }

    /// Fetches the policy in force if it is another one. Whether that changed something.
    fn policy(&mut self, client: &SiteClient, taken: &ReportTaken) -> Result<bool, Failure> {
        let followed = self.shared.policy();
        let known = followed.as_ref().is_some_and(|its| its.claimed == taken.policy);
        if taken.policy.is_empty() || known || self.passed_over == taken.policy {
            return Ok(false);
        }
        let offered = client.policy()?;
        let (claimed, about) = (offered.hash.clone(), blake3::hash(offered.text.as_bytes()).to_string());
        let (alarm, text) = match judge(followed.as_deref(), offered, (self.shared.clock)()) {
            Verdict::Same => return Ok(false),
            Verdict::Take(policy) => {
                // The first one is accepted as it is, as the site was by its token. From then on
                // a person on this server says what more may be left out.
                if followed.is_none() && self.shared.state.accepted_policy()?.is_none() {
                    self.shared.state.save_accepted_policy(&policy)?;
                }
                tell("note", &format!("following policy {} from now on", policy.title()));
                self.shared.follow(*policy)?;
                return Ok(true);
            }
            Verdict::Refused(why) => {
                ("policy-refused", format!("the site offers what is no policy; the one before stays in force: {why}"))
            }
            Verdict::Older(why) => ("policy-older", why),
        };
        self.passed_over = claimed;
        self.shared.alarm(alarm, &about, &text);
        Ok(true)
    }

    fn tell(&mut self, result: Result<(), Failure>) {
        match result {
            Ok(()) => {
                if self.unreached.take().is_some() {
                    tell("note", "the site is reached again");
                }
            }
            Err(failure) => {
                let words = failure.words();
                if self.unreached.as_ref() != Some(&words) {
                    tell(
                        "warning",
                        &format!("{words}; backups go on by what is known, and it is asked again each minute"),
                    );
                }
                self.unreached = Some(words);
            }
        }
    }
}
