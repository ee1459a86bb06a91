//! The packs that come with the program: each rule fails, passes and is unknown for a real session.

mod cases;

use std::collections::BTreeSet;

use policy::{Pack, Policy, Rule, Verdict};

use cases::{CASES, Case};

#[test]
fn every_policy_of_every_pack_compiles_and_names_its_source() {
    let mut ids = BTreeSet::new();
    for pack in Pack::all().unwrap() {
        assert_eq!(pack.version.len(), "2026-11-21".len(), "{}", pack.id);
        assert!(!pack.policies.is_empty() && !pack.source.is_empty(), "{}", pack.id);
        for policy in pack.policies {
            assert!(ids.insert(policy.id.clone()), "{} is there twice", policy.id);
            assert!(policy.source.as_ref().is_some_and(|it| !it.is_empty()), "{}", policy.id);
            assert!(!policy.description.is_empty() && !policy.categories.is_empty());
            assert_eq!(policy.pack.as_deref(), Some(pack.id.as_str()));
            Rule::compile(policy).unwrap();
        }
    }
}

#[test]
fn what_is_on_by_default_is_what_the_documents_say() {
    let packs = Pack::all().unwrap();
    let on: Vec<&str> =
        packs.iter().filter(|pack| pack.default).map(|pack| pack.id.as_str()).collect();
    assert_eq!(on, ["core", "stackrox-19001", "pqc-readiness"]);
}

#[test]
fn every_rule_has_a_session_that_fails_one_that_passes_and_one_that_leaves_it_open() {
    let mut problems = Vec::new();
    for policy in Pack::all().unwrap().into_iter().flat_map(|pack| pack.policies) {
        let Some((_, fail, pass, unknown)) = CASES.iter().find(|(id, ..)| *id == policy.id) else {
            problems.push(format!("{}: no cases", policy.id));
            continue;
        };
        for (case, expected) in
            [(fail, Verdict::Fail), (pass, Verdict::Pass), (unknown, Verdict::Unknown)]
        {
            problems.extend(check(policy.clone(), case, expected));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_rule_says_nothing_before_it_comes_into_force() {
    let dated = Pack::all().unwrap().into_iter().flat_map(|pack| pack.policies);
    let mut count = 0;
    for (policy, from) in dated.filter_map(|policy| policy.from.map(|from| (policy, from))) {
        let id = policy.id.clone();
        let rule = Rule::compile(policy).unwrap();
        let (_, fail, ..) = CASES.iter().find(|(known, ..)| *known == id).unwrap();
        let mut judged = fail.judged();
        judged.now = from.plus_nanos(-1);
        assert_eq!(rule.judge(&judged.subject()), None, "{id}");
        judged.now = from;
        assert_eq!(rule.judge(&judged.subject()).unwrap().verdict, Verdict::Fail, "{id}");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn every_case_is_of_a_rule() {
    let packs = Pack::all().unwrap();
    let ids: BTreeSet<&str> =
        packs.iter().flat_map(|pack| &pack.policies).map(|policy| policy.id.as_str()).collect();
    for (id, ..) in CASES {
        assert!(ids.contains(id), "{id}");
    }
}

fn check(policy: Policy, case: &Case, expected: Verdict) -> Option<String> {
    let id = policy.id.clone();
    let rule = Rule::compile(policy).unwrap();
    let judged = case.judged();
    let found = rule.finding(&judged.subject());
    let is_said = !found.reason.is_empty();
    (found.verdict != expected || !is_said).then(|| {
        format!(
            "{id}: {} is {:?} ({}), not {expected:?}",
            case.capture, found.verdict, found.reason
        )
    })
}
