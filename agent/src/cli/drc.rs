//! The DRC, from this server: learning which one it is, asking it how far it has come, and going on there,
//! or at a new Pusat Data, when the old one does not answer. And `accept-drc`, by which a person on this
//! server takes another DRC than the one that was known.

use std::sync::atomic::AtomicBool;

use pulih_protocol::drc::{DrcCard, Heads};
use pulih_protocol::error::Code;
use pulih_stores::gateway::SiteClient;
use pulih_stores::{Credentials, GatewayError};
use serde_json::json;

use super::Context;
use super::args::AcceptDrc;
use super::failure::{Failure, Outcome};
use super::output::printable;
use super::run::NOT_ENROLLED;
use crate::drc::{KnownDrc, OwnCertificate, Verdict, is_address, judge, known_after, open_heads};
use crate::state::{Home, SeenHeads, Site, StateDir, StateError, Turn};

/// Something that a person should know of the DRC that the site names.
pub struct Odd {
    pub alarm: &'static str,
    /// What it is about, so that it is raised once.
    pub about: String,
    pub text: String,
}

/// Asks the site for its DRC, and keeps the first one that it names.
pub fn learn(state: &StateDir, site: &Site, client: &SiteClient) -> Result<Option<Odd>, Failure> {
    let offered = match client.drc() {
        // It is paired with none, or is of a version that knows of none.
        Err(GatewayError::Refused { body, .. }) if body.code == Code::NotFound => return Ok(None),
        offered => offered?,
    };
    let about = blake3::hash(format!("{} {} {}", offered.site, offered.ca, offered.key).as_bytes()).to_string();
    let (alarm, text) = match judge(state.drc()?.as_ref(), site.drc_ca.as_deref(), offered) {
        Verdict::Same => return Ok(None),
        Verdict::Take(known) => {
            state.save_drc(&known)?;
            return Ok(None);
        }
        Verdict::Refused(why) => ("drc-refused", why),
        Verdict::Other(why) => ("drc-changed", why),
    };
    let text = format!("{text}. If that is right, `pulih-agent accept-drc` on this server takes it");
    Ok(Some(Odd { alarm, about, text }))
}

/// Asks the DRC what it has; what it says is kept, if it is not older than what it said before.
pub fn ask(state: &StateDir, site: &Site, known: &KnownDrc, now: i64) -> Result<Heads, Failure> {
    let note = match SiteClient::open(&known.credentials(site))?.heads() {
        // The certificate that it gave once is over there.
        Err(GatewayError::Refused { body, .. }) if body.code == Code::Unauthorized && known.own.is_some() => {
            let without = KnownDrc { own: None, ..known.clone() };
            state.save_drc(&without)?;
            SiteClient::open(&without.credentials(site))?.heads()?
        }
        note => note?,
    };
    let heads = open_heads(&note, &known.card, &site.agent)?;
    if let Some(before) = heads_seen(state, &site.agent, known)?
        && before.at > heads.at
    {
        return Err(Failure::said(format!(
            "{} says what is older than what it said before, of {}: its clock was set back, or someone stands between",
            known.card.name, before.at
        )));
    }
    if let Some(after) = known_after(known, &note) {
        eprintln!("{} has another key for its ledger, which the one before handed over to", known.card.name);
        state.save_drc(&after)?;
    }
    state.save_seen_heads(&SeenHeads { seen: now, note })?;
    Ok(heads)
}

/// What the DRC said last, if that is of the one that is known now.
pub fn heads_seen(state: &StateDir, agent: &str, known: &KnownDrc) -> Result<Option<Heads>, StateError> {
    let seen = super::run::or_anew(state.seen_heads())?;
    Ok(seen.and_then(|seen| open_heads(&seen.note, &known.card, agent).ok()))
}

impl Failure {
    /// Whether it says that a site is away.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Gateway(error) if is_away(error))
    }
}

/// Whether a site cannot be reached, or is not the one that was known: then the DRC is asked.
pub fn is_away(error: &GatewayError) -> bool {
    match error {
        GatewayError::Line { .. } | GatewayError::Strange { .. } => true,
        GatewayError::Refused { body, .. } => body.code == Code::Internal,
        _ => false,
    }
}

/// Goes over to the new Pusat Data that the DRC names; `None` if it names none, or the one that is known.
/// The certificate that was good at the DRC is good there.
pub fn move_to(state: &StateDir, site: &Site, known: &KnownDrc, heads: &Heads) -> Result<Option<Site>, Failure> {
    let Some(moved) = &heads.moved else { return Ok(None) };
    if (&moved.url, &moved.ca) == (&site.credentials.url, &site.credentials.ca) || !is_address(&moved.url) {
        return Ok(None);
    }
    let good_there = known.credentials(site);
    let credentials = Credentials { url: moved.url.clone(), ca: moved.ca.clone(), ..good_there };
    let view = SiteClient::open(&credentials)?.view()?;
    // Whatever else was written there meanwhile stays; and of two threads one moves.
    let _lock = state.lock_turn(&AtomicBool::new(false))?;
    let mut fresh = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
    if (&moved.url, &moved.ca) == (&fresh.credentials.url, &fresh.credentials.ca) {
        return Ok(Some(fresh));
    }
    if let Some(own) = &known.own {
        fresh.not_after.clone_from(&own.not_after);
    }
    (fresh.credentials, fresh.name) = (credentials, view.site);
    // Turns at the old one mean nothing there.
    state.save_turn(Home::Site, &Turn::default())?;
    state.save_site(&fresh)?;
    state.save_drc(&KnownDrc { own: None, ..known.clone() })?;
    Ok(Some(fresh))
}

/// A certificate of the DRC's own, while this agent goes on there and the one that it has ends soon.
pub fn renew(state: &StateDir, site: &Site, known: &KnownDrc) -> Result<(), Failure> {
    let credentials = known.credentials(site);
    let (fresh, not_after) = SiteClient::open(&credentials)?.renew(&credentials)?;
    let own = OwnCertificate { certificate: fresh.certificate, key: fresh.key, not_after };
    Ok(state.save_drc(&KnownDrc { own: Some(own), ..known.clone() })?)
}

/// `accept-drc`: what the site names now is taken, whatever was known.
pub fn accept(context: &mut Context, args: &AcceptDrc) -> Result<Outcome, Failure> {
    let state = context.state()?;
    let site = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
    let offered = SiteClient::open(&site.credentials)?.drc()?;
    let known = match judge(None, None, offered.clone()) {
        Verdict::Take(known) => *known,
        Verdict::Refused(why) | Verdict::Other(why) => return Err(Failure::said(why)),
        Verdict::Same => return Ok(Outcome::Done),
    };
    let before = state.drc()?.map(|known| known.card);
    let is_new = before.as_ref() != Some(&offered);
    let accept = is_new && !args.dry_run;
    if accept {
        state.save_site(&Site { drc_ca: None, ..site })?;
        state.save_turn(Home::Drc, &Turn::default())?;
        state.save_drc(&known)?;
    }
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/accept-drc/v1", "drc": card(&offered), "before": before.as_ref().map(card),
            "accepted": accept,
        }))?;
        return Ok(Outcome::Done);
    }
    let line = |card: &DrcCard| format!("{} ({}), key {}", printable(&card.name), card.url, printable(&card.key));
    match &before {
        Some(before) if is_new => context.out.line(&format!("Known until now: {}", line(before)))?,
        Some(_) => context.out.line("The DRC that the site names is the one that is known.")?,
        None => {}
    }
    context.out.line(&format!("The site names: {}", line(&offered)))?;
    if accept {
        context.out.line("Accepted.")?;
    }
    Ok(Outcome::Done)
}

fn card(its: &DrcCard) -> serde_json::Value {
    json!({"site": its.site, "name": its.name, "url": its.url, "key": its.key})
}
