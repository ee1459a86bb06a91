//! Who may enrol, who is enrolled, and which settings agents are to have.
#![expect(clippy::unwrap_used, reason = "tests")]

use event::Timestamp;
use store::{
    AgentCertificate, AgentReport, Control, EnrolmentToken, Fleet, Labels, NewAgent, NotEnrolled,
    Revocation, Rollout, RolloutState, SecretDigest, Stage, StoreError,
};

#[test]
fn a_token_is_good_for_its_time_and_as_many_agents_as_it_was_made_for() {
    let (_folder, control) = open();
    control.add_enrolment_token(&token("t", 2), DIGEST).unwrap();
    let taken = control.add_enrolment_token(&token("t", 2), SecretDigest([8; 32]));
    assert!(matches!(taken, Err(StoreError::Exists { .. })));
    let unknown = control.enrol(SecretDigest([9; 32]), &agent("a"), &certificate("a", 5));
    assert_eq!(unknown.unwrap(), Err(NotEnrolled::UnknownToken));
    let late = control.enrol(DIGEST, &agent("a"), &certificate("a", 100));
    assert_eq!(late.unwrap(), Err(NotEnrolled::ExpiredToken));
    let first = control.enrol(DIGEST, &agent("a"), &certificate("a", 5)).unwrap().unwrap();
    assert_eq!((first.token.as_str(), first.labels["cluster"].as_str()), ("t", "prod"));
    let same = control.enrol(DIGEST, &agent("a"), &certificate("b", 5));
    assert!(matches!(same, Err(StoreError::Exists { .. })), "and it uses nothing up");
    control.enrol(DIGEST, &agent("b"), &certificate("b", 6)).unwrap().unwrap();
    let third = control.enrol(DIGEST, &agent("c"), &certificate("c", 7)).unwrap();
    assert_eq!(third, Err(NotEnrolled::UsedUpToken));
    assert_eq!(control.enrolled_agents().unwrap().len(), 2);
    let kept = control.enrolment_tokens().unwrap().remove(0);
    assert_eq!((kept.uses, kept.last_used), (2, Some(at(6))));
    assert!(control.remove_enrolment_token("t").unwrap());
    assert!(!control.remove_enrolment_token("t").unwrap());
    assert_eq!(control.enrolled_agents().unwrap().len(), 2, "agents stay");
}

#[test]
fn an_agent_that_is_revoked_gets_no_further_certificate() {
    let (_folder, control) = open();
    control.add_enrolment_token(&token("t", 9), DIGEST).unwrap();
    control.enrol(DIGEST, &agent("a"), &certificate("a1", 1)).unwrap().unwrap();
    let renewed = AgentCertificate { agent: "a".to_owned(), ..certificate("a2", 500) };
    assert!(control.add_agent_certificate(&renewed).unwrap());
    let serials: Vec<_> =
        control.agent_certificates("a").unwrap().into_iter().map(|it| it.serial).collect();
    assert_eq!(serials, ["a1", "a2"]);
    let revocation = Revocation { at: at(600), by: "ann".to_owned() };
    assert!(control.revoke_agent("a", &revocation).unwrap());
    let later = Revocation { at: at(601), by: "bob".to_owned() };
    assert!(!control.revoke_agent("a", &later).unwrap(), "it is out already");
    assert!(!control.revoke_agent("b", &later).unwrap());
    let third = AgentCertificate { agent: "a".to_owned(), ..certificate("a3", 700) };
    assert!(!control.add_agent_certificate(&third).unwrap());
    let kept = control.enrolled_agent("a").unwrap().unwrap();
    assert_eq!((kept.revoked, kept.not_after), (Some(revocation), at(1500)));
    assert_eq!(control.remove_old_agents(at(1400)).unwrap(), 0);
    assert_eq!(control.remove_old_agents(at(1501)).unwrap(), 1);
    assert!(control.agent_certificates("a").unwrap().is_empty());
}

#[test]
fn what_agents_said_last_is_there_when_the_file_is_opened_again() {
    let (folder, control) = open();
    control.add_enrolment_token(&token("t", 9), DIGEST).unwrap();
    control.enrol(DIGEST, &agent("a"), &certificate("a", 1)).unwrap().unwrap();
    let report = |agent: &str| AgentReport {
        agent: agent.to_owned(),
        heard: at(50),
        is_connected: true,
        report: b"{}".to_vec(),
    };
    control.note_agents(&[report("a"), report("nobody")]).unwrap();
    drop(control);
    let control = Control::open(&folder.path().join("control.db")).unwrap();
    let kept = control.enrolled_agents().unwrap().remove(0);
    assert_eq!((kept.heard, kept.report), (Some(at(50)), b"{}".to_vec()));
}

#[test]
fn a_roll_out_changes_only_from_where_it_was_seen() {
    let (_folder, control) = open();
    let labels = Labels::from([("cluster".to_owned(), "prod".to_owned())]);
    let stages = vec![Stage::Share(10), Stage::Labelled(labels), Stage::Share(1000)];
    let new = Rollout {
        revision: 0,
        settings: "group = \"30s\"\n".to_owned(),
        note: "quieter".to_owned(),
        created: at(1),
        created_by: "ann".to_owned(),
        stages,
        begun: 7,
        state: RolloutState::RolledBack,
        changed: at(0),
    };
    assert_eq!(control.add_rollout(&new).unwrap(), 1);
    assert_eq!(control.add_rollout(&new).unwrap(), 2);
    let all = control.rollouts().unwrap();
    let first = all.last().unwrap();
    assert_eq!((first.revision, first.begun, first.state), (1, 1, RolloutState::Running));
    assert_eq!(first.stages, new.stages);
    control.change_rollout(first, RolloutState::Running, 2, at(5)).unwrap();
    let stale = control.change_rollout(first, RolloutState::Running, 2, at(6));
    assert!(matches!(stale, Err(StoreError::Conflict { expected: 1, found: 2 })));
    let missing = Rollout { revision: 77, ..first.clone() };
    let missing = control.change_rollout(&missing, RolloutState::Paused, 1, at(6));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    let long = Rollout { settings: "x".repeat(Rollout::MAX_SETTINGS_LEN + 1), ..new };
    assert!(matches!(control.add_rollout(&long), Err(StoreError::TooLarge { .. })));
}

fn open() -> (tempfile::TempDir, Control) {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.db")).unwrap();
    (folder, control)
}

fn token(id: &str, most_uses: u32) -> EnrolmentToken {
    EnrolmentToken {
        id: id.to_owned(),
        labels: Labels::from([("cluster".to_owned(), "prod".to_owned())]),
        created: at(0),
        created_by: "ann".to_owned(),
        expires: at(100),
        most_uses,
        uses: 0,
        last_used: None,
    }
}

fn agent(id: &str) -> NewAgent {
    NewAgent { id: id.to_owned(), host: format!("host-of-{id}") }
}

fn certificate(agent: &str, issued: i64) -> AgentCertificate {
    AgentCertificate {
        serial: agent.to_owned(),
        agent: agent.chars().take(1).collect(),
        issued: at(issued),
        not_after: at(issued + 1000),
    }
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

const DIGEST: SecretDigest = SecretDigest([7; 32]);
