//! The page of a month for the Bupati: `pulih/report/monthly/v1`.

use pulih_policies::Zone;
use pulih_report::data::{Both, Monthly, Role, Tonight};

use super::clocks::clocks;
use super::continuity::utc;
use super::evaluation::{outcomes, within};
use super::exposures::Exposures;
use super::head::{Asked, Made, at_drc_alone, at_its_end, head, made};
use super::risks::{Risk, risks};
use crate::comply::coverage::{Standing, Standings};
use crate::evidence::read::{Period, Sources};
use crate::evidence::rto;
use crate::gateway::answer::Answer;
use crate::site::SiteRole;

/// Kinds of drills that bring something back.
const RESTORES: [&str; 3] = ["restore", "application", "plan"];

pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Monthly> {
    let known = at_its_end(sources, asked)?;
    at_drc_alone(&known.records)?;
    let made = made(&known, asked, zone)?;
    let records = made.records();
    let exposures = Exposures::read(records)?;
    let clocks = clocks(made.known)?;
    let standings = Standings::read(records);
    let (covered, before) = (standings.covered(made.to - 1), standings.covered(made.from - 1));
    let tonight = tonight(&made, &standings)?;
    let risks = risks(&made, &tonight, covered, &clocks)?;
    let drills = within(&made);
    let asks = asks(&risks);
    Ok(Monthly {
        head: head(&made, asked, "monthly", Vec::new(), exposures.remarks.clone())?,
        tonight,
        opds: covered.opds,
        covered: covered.covered,
        covered_before: (before.opds > 0).then_some(before.covered),
        inside_hundredths: exposures.inside(Role::Pusat, made.period()),
        inside_before: exposures.inside(Role::Pusat, (month_before(&made), made.from, made.now)),
        drills_passed: outcomes(&drills, "passed"),
        drills_failed: outcomes(&drills, "failed"),
        last_passed: last_passed(&made).map(utc).transpose()?,
        clocks,
        risks: risks.into_iter().map(|its| its.text).collect(),
        asks,
    })
}

/// When the month before began.
fn month_before(made: &Made) -> i64 {
    pulih_policies::Period::containing(pulih_policies::Tier::Month, made.zone, made.from - 1).begins
}

/// What comes back of what is approved if the Pusat Data is lost.
fn tonight(made: &Made, standings: &Standings) -> Answer<Tonight> {
    let approved: Vec<Standing> = standings.at(made.now).filter(|its| its.approval.is_some()).collect();
    let there = approved.iter().filter(|its| its.is_at_drc);
    let there: Vec<(u64, String)> = there.filter_map(|its| Some((its.at_drc?, its.of.name()))).collect();
    let worst = there.iter().max();
    Ok(Tonight {
        datasets: approved.len() as u64,
        recoverable: there.len() as u64,
        worst_seconds: worst.map(|(exposure, _)| *exposure),
        worst_dataset: worst.map(|(_, name)| name.clone()).unwrap_or_default(),
        forecast_ms: forecast(made)?,
    })
}

/// How long all of a plan takes, measured or forecast; of several the longest.
fn forecast(made: &Made) -> Answer<Option<u64>> {
    let sources = made.records().sources;
    if sources.role != SiteRole::Drc {
        return Ok(None);
    }
    let period = Period { from: 0, to: made.to, now: made.now };
    let found = rto::report(sources, period, |_, _| true)?;
    let plans = found["plans"].as_array().into_iter().flatten();
    Ok(plans.filter_map(|its| its["milliseconds"].as_u64()).max())
}

/// When a drill last passed that brought something back.
fn last_passed(made: &Made) -> Option<i64> {
    let all = made.records().drc()?.said.tried.drills().iter();
    let passed = all.filter(|its| RESTORES.contains(&its.announced.kind.as_str()) && its.outcome() == Some("passed"));
    passed.filter_map(|its| Some(its.ended.as_ref()?.1)).max()
}

/// Each once, in the order of what they are asked for.
fn asks(risks: &[Risk]) -> Vec<Both> {
    let mut asks: Vec<Both> = Vec::new();
    for ask in risks.iter().filter_map(|its| its.ask.as_ref()) {
        if !asks.contains(ask) {
            asks.push(ask.clone());
        }
    }
    asks
}
