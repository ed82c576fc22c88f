//! Far more than a page holds.

use super::clauses::regulation;
use super::data::{Continuity, Finding, Person, Phases, Role, ServiceRto, Source, What};
use super::example::{component, entry, small, utc};
use super::head::MOST;
use super::measured::{rpo, rto, step};

/// Hundreds of rows, long names, and a clock that is not the world's.
pub fn large() -> Continuity {
    let mut data = small();
    data.uji = true;
    data.site.regency = "Kabupaten Pangkajene dan Kepulauan Kuantan Singingi Bagian Selatan".into();
    let name = |i: u64| format!("basis-data-kependudukan-dan-pencatatan-sipil-kecamatan-{i:03}");
    let opd = "Dinas Pemberdayaan Masyarakat, Desa, Kependudukan dan Pencatatan Sipil";
    data.rpo = (0..300)
        .map(|i| {
            let place = if i % 3 == 0 { Role::Drc } else { Role::Pusat };
            let worst = 60 * (i + 1) * (i + 1) * (i % 7 + 1);
            rpo(place, (opd, &format!("server-{i:03}"), &name(i), "non-publik"), 86_400, worst, worst / 3)
        })
        .collect();
    data.rto_datasets = (0..200)
        .map(|i| {
            let phases = [i * 1000, 3_000 * i * (i % 9), 900 * i, 2_000 * i, 1_500 * i, 500 * (i % 4)];
            rto((opd, &format!("server-{i:03}"), &name(i), "non-publik"), 7200, phases)
        })
        .collect();
    data.steps = (1..=150)
        .map(|i| {
            let at = 60_000 * i;
            let actual = (i % 11 != 0).then_some((at + 20_000, 45_000 + 900 * i));
            step(i, What::Restore, &name(i), "Administrasi kependudukan", (at, 60_000), actual)
        })
        .collect();
    data.rto_services = (0..60)
        .map(|i| ServiceRto {
            service: format!("Pelayanan administrasi terpadu kecamatan {i} untuk masyarakat dan badan usaha"),
            target_seconds: (i % 5 != 0).then_some(14_400),
            milliseconds: (i % 7 != 0).then_some(400_000 * i),
            forecast: i % 4 == 0,
            inside: (i % 5 != 0 && i % 7 != 0).then_some(i <= 36),
        })
        .collect();
    let components =
        |role| (0..200).map(move |i| component(role, &name(i), opd, "non-publik", Some(7_516_192_768 * i)));
    data.scope.components = components(Role::Pusat).chain(components(Role::Drc)).collect();
    data.findings = (0..50)
        .map(|i| Finding {
            source: if i % 2 == 0 { Source::Auditor } else { Source::Test },
            text: "Langkah pemulihan tidak dilaksanakan menurut urutan rencana. ".repeat(i % 5 + 1),
            owner: opd.into(),
            until: Some(utc("2027-05-31T17:00:00Z")),
        })
        .collect();
    data.entries = (0..400).map(|i| entry("pusat-14.09", 100_000 + i, "snapshot-replicated")).collect();
    data.organisation = (0..100)
        .map(|i| Person {
            name: format!("Pejabat nomor {i} dengan nama yang sangat panjang, S.Kom., M.T., M.Si."),
            role: "koordinator pemulihan layanan administrasi kependudukan".into(),
            contact: "0811-2345-678, siti.rahayu@kuansing.go.id".into(),
        })
        .collect();
    let mut regulation = regulation();
    let six = regulation.clauses.clone();
    regulation.clauses = six.iter().cycle().take(60).cloned().collect();
    regulation.clauses[3].words.id = "setiap Perangkat Daerah wajib menyediakan cadangan; ".repeat(80);
    data.regulations = vec![regulation.clone(), regulation];
    data.approval.extend(data.approval.clone());
    data.minutes.witnesses = data.minutes.witnesses.iter().cycle().take(40).cloned().collect();
    data.vital = data.vital.iter().cycle().take(80).cloned().collect();
    data
}

/// Every figure as large as JSON holds one.
pub fn vast() -> Continuity {
    let most = MOST;
    let mut data = small();
    data.scope.distance_km = Some(most);
    data.scope.components.iter_mut().for_each(|its| its.bytes = Some(most));
    data.checkpoints.iter_mut().for_each(|its| its.size = most);
    data.entries.iter_mut().for_each(|its| its.index = most);
    for its in &mut data.steps {
        its.number = most;
        [&mut its.planned_from_ms, &mut its.planned_ms, &mut its.from_ms, &mut its.milliseconds]
            .into_iter()
            .for_each(|figure| *figure = Some(most));
    }
    for its in &mut data.rpo {
        [&mut its.target_seconds, &mut its.exposure_seconds, &mut its.p95_seconds, &mut its.worst_seconds]
            .into_iter()
            .for_each(|figure| *figure = Some(most));
        its.breaches = most;
    }
    data.rto_services.iter_mut().for_each(|its| its.milliseconds = Some(most));
    for its in &mut data.rto_datasets {
        its.milliseconds = Some(most);
        its.phases = Some(Phases { approve: 0, fetch: most, decrypt: most, write: 1, verify: most, check: most });
    }
    data
}
