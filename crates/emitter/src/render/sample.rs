//! A diff and a report in which a hostile text stands wherever a log or a policy may bring one.

use std::collections::BTreeMap;

use trailtrim_aggregator::Label;
use trailtrim_iam::PolicyDocument;
use trailtrim_iam::read::read_policy;

use crate::attached::{Hold, UnknownPolicy};
use crate::caveats::Widening;
use crate::diff::{
    ActionDiff, DIFF_SCHEMA_VERSION, Diff, DocumentView, DraftStatement, DraftView,
    NotAttachedView, Options, PolicyView, PrincipalDiff, ReasonView, RemovedActions, RestView,
    SharedDiff, StatementDiff, Status, UsedResource, WrittenAs,
};
use crate::finding::{Code, Finding};
use crate::proof::Proofs;
use crate::report::ToldBy;
use crate::report::{
    Baseline, BaselineNeed, EventFile, Evidence, Filters, Generalisation, Input, MissingCompanions,
    Origin, Permission, Principal, Report, SCHEMA_VERSION, Seen, Skipped, Tool, Unmapped,
};
use crate::tighten::{Class, Footing};

/// Texts that are markup, or break it, somewhere.
pub(super) const NASTY: [&str; 8] = [
    "<script>alert(1)</script>",
    "a|b\\|c",
    "``x`",
    "</details></summary>",
    "[a](https://example.com)![b](c)",
    "**x** _y_ ~~z~~ @team #1",
    "\"><img src=x onerror=alert(1)>",
    "&lt;{{0}}${x}",
];

fn seen(text: &str) -> Seen {
    Seen {
        first_seen: Some("2026-03-02T10:00:00Z".to_owned()),
        last_seen: Some("2026-03-09T10:00:00Z".to_owned()),
        days: 5,
        calls: 12,
        calls_estimated: false,
        evidence: vec![Evidence {
            event_id: text.into(),
            time: None,
            region: text.into(),
            file: EventFile::Path(Label::from(text)),
        }],
    }
}

fn document(text: &str) -> PolicyDocument {
    let json = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Sid": text, "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::bucket/{text}"),
    }]});
    read_policy("sample", &json.to_string()).unwrap()
}

/// Returns a diff of one principal and one shared policy.
pub(super) fn sample(text: &str) -> Diff {
    let own = || text.to_owned();
    let action = |class: Class, used: bool| ActionDiff {
        action: own(),
        class,
        rest: RestView::Nothing,
        why: own(),
        used: used
            .then(|| UsedResource {
                principal: None,
                resource: own(),
                written_as: Some(WrittenAs { pattern: own(), why: own() }),
                outcome: "success".to_owned(),
                surely: true,
                seen: seen(text),
            })
            .into_iter()
            .collect(),
        elsewhere: Vec::new(),
    };
    let policy = PolicyView {
        name: own(),
        arn: Some(own()),
        hold: Hold::Inline,
        group: Some(own()),
        since: None,
        size: 100,
        document: document(text),
    };
    let statement = StatementDiff {
        policy: 0,
        statement: 0,
        sid: Some(own()),
        keeps_resources: Some(own()),
        actions: vec![action(Class::Used, true), action(Class::Unobservable, false)],
        removed: vec![RemovedActions {
            service: own(),
            count: 1,
            actions: vec![own()],
            class: Class::Unused,
            why: own(),
        }],
        unknown_actions: vec![own()],
    };
    let draft = DraftView {
        documents: vec![DocumentView { name: own(), size: 50, document: document(text) }],
        paths: vec![own()],
        replaces: vec![own()],
        statements: vec![DraftStatement {
            sid: own(),
            footing: Footing::Kept,
            from: vec![(0, 0)],
            reasons: vec![ReasonView {
                class: Class::Unobservable,
                why: own(),
                actions: vec![own()],
            }],
        }],
        generalisations: Vec::new(),
        concessions: vec![own()],
        obstacle: None,
    };
    Diff {
        schema_version: DIFF_SCHEMA_VERSION,
        tool: tool(),
        filters: Filters::default(),
        input: Input::default(),
        options: Options { unused_days: 30, regions: Vec::new(), resources: String::new() },
        principals: vec![PrincipalDiff {
            arn: own(),
            account: "111122223333".to_owned(),
            kind: "role".to_owned(),
            name: own(),
            permission_set: None,
            status: Status::Tightened,
            activity: seen(text),
            perhaps_in_use: Vec::new(),
            notes: vec![own()],
            widened: vec![Widening { why: own(), grants: [own()].into() }],
            attached: vec![policy.clone()],
            shares: vec![own()],
            unknown_policies: vec![UnknownPolicy {
                name: own(),
                arn: None,
                group: None,
                why: own(),
            }],
            boundary: Some(own()),
            statements: vec![statement.clone()],
            not_attached: vec![NotAttachedView {
                action: own(),
                resource: own(),
                explanation: None,
                seen: seen(text),
            }],
            frozen: BTreeMap::from([(own(), own())]),
            draft: Some(draft.clone()),
            proofs: Some(Proofs {
                replay: Default::default(),
                no_new_access: Default::default(),
                irredundant: Default::default(),
                fits: Default::default(),
                backtest: None,
            }),
            findings: vec![
                Finding::new(Code::UnusedAccess, text),
                Finding::new(Code::ActionStar, text).at(text, 0),
            ],
        }],
        shared: vec![SharedDiff {
            key: own(),
            holders: vec![own()],
            attached: vec![policy],
            statements: vec![statement],
            draft: Some(draft),
        }],
        not_in_dump: vec![own()],
    }
}

fn tool() -> Tool {
    Tool {
        name: "trailtrim".to_owned(),
        version: "0.1.0".to_owned(),
        catalog: Vec::new(),
        catalog_digest: String::new(),
    }
}

/// Returns a report and the one principal of it.
pub(super) fn report(text: &str) -> (Report, Principal) {
    let own = || text.to_owned();
    let permission = |outcome: &'static str, statement: Option<String>| Permission {
        action: own(),
        resource: own(),
        granted_as: statement.is_some().then(own),
        conditions: Vec::new(),
        statement,
        origins: vec![Origin::Widened { from: own(), why: own() }],
        confidence: "exact",
        inferred: false,
        outcome,
        events: Vec::new(),
        via: Vec::new(),
        error_codes: vec![own()],
        denied_by: Vec::new(),
        seen: seen(text),
    };
    let principal = Principal {
        arn: own(),
        account: "111122223333".to_owned(),
        kind: "role",
        name: own(),
        ids: Vec::new(),
        permission_set: None,
        workload: None,
        status: crate::report::Status::Partial,
        notes: vec![own()],
        policy_path: Some(own()),
        policy_size: Some(100),
        generalisations: vec![Generalisation {
            to: own(),
            actions: vec![own()],
            rule: "one-run",
            why: own(),
            adds: own(),
            names: 2,
            names_of_one_day: 1,
            from: vec![own()],
            seen: seen(text),
        }],
        baseline: vec![Baseline {
            workload: own(),
            known_by: "session".to_owned(),
            needs: vec![BaselineNeed { action: own(), resources: vec![own()] }],
            reason: own(),
            source: own(),
            told_by: Some(ToldBy { event_source: own(), event_name: own(), time: own() }),
        }],
        missing_companions: vec![MissingCompanions {
            actions: vec![own()],
            with: vec![own()],
            reason: own(),
        }],
        grants: vec![permission("granted", Some(own()))],
        not_granted: vec![permission("denied", None)],
        unmapped: vec![Unmapped {
            event_source: own(),
            event_name: own(),
            kind: "unknown",
            action: None,
            why: own(),
            outcome: "granted",
            seen: seen(text),
        }],
        frozen_services: vec![own()],
    };
    let skipped = Skipped {
        path: own(),
        byte: Some(1),
        record: None,
        kind: "truncated".to_owned(),
        loses: true,
        detail: own(),
        count: 1,
    };
    let report = Report {
        schema_version: SCHEMA_VERSION,
        tool: tool(),
        filters: Filters::default(),
        input: Input { files: 1, records: 2, skipped: vec![skipped], ..Input::default() },
        resources: "balanced".to_owned(),
        policies: vec![own()],
        files: Vec::new(),
        excluded: Vec::new(),
        other_events: Vec::new(),
        missing_data_events: Vec::new(),
        amended: None,
    };
    (report, principal)
}
