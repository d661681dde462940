//! An organization made by seed: accounts, who works in them, and at what.

use std::sync::Arc;

use super::clock::Seconds;
use super::identity::{Account, Identity, Origin, Role, Session, User};
use super::recorder::Actor;
use super::task::Task;
use crate::random::{Random, Zipf};

/// How large an organization is made.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many accounts.
    pub accounts: usize,
    /// How many principals in each.
    pub principals: usize,
    /// How many distinct keys a bucket's readers know.
    pub keys: usize,
}

/// One principal and its work.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The identity; for roles a session that [`Worker::at`] replaces.
    identity: Identity,
    region: String,
    address: String,
    agent: &'static str,
    /// What it does.
    pub tasks: Vec<Task>,
}

/// An account and its workers, the busiest first.
#[derive(Clone, Debug)]
pub struct Place {
    /// The account.
    pub account: Account,
    /// Its home region.
    pub region: String,
    /// Who works there.
    pub workers: Vec<Worker>,
}

/// An organization.
#[derive(Clone, Debug)]
pub struct World {
    /// Its accounts.
    pub places: Vec<Place>,
}

const REGIONS: [(&str, &str); 7] = [
    ("aws", "eu-central-1"),
    ("aws", "us-east-1"),
    ("aws", "us-west-2"),
    ("aws", "eu-west-1"),
    ("aws", "ap-southeast-2"),
    ("aws-cn", "cn-north-1"),
    ("aws-us-gov", "us-gov-west-1"),
];

const AGENTS: [&str; 4] = [
    "aws-sdk-java/2.31.9 md/io#sync md/http#Apache ua/2.1 os/Linux lang/java#21.0.6 md/vendor#Amazon.com_Inc. exec-env/AWS_Lambda_java21",
    "Boto3/1.40.1 md/Botocore#1.40.1 ua/2.1 os/linux#6.1.140 md/arch#x86_64 lang/python#3.13.5 md/pyimpl#CPython cfg/retry-mode#standard",
    "aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.25.1 md/GOOS#linux md/GOARCH#arm64 api/s3#1.88.0",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.1 aws-sdk-go-v2/1.38.3 os/linux lang/go#1.24.6",
];

const PATHS: [&str; 4] = ["/", "/service/", "/team/data/", "/ci/"];

impl World {
    /// Makes an organization.
    pub fn new(random: &Random, size: Size) -> Self {
        let places = (0..size.accounts)
            .map(|index| {
                let mut random = random.fork(&format!("account {index}"));
                let (partition, region) = *random.pick(&REGIONS);
                let id = format!("{:012}", random.between(100_000_000_000, 999_999_999_999));
                let account = Account { id, partition };
                let workers = (0..size.principals)
                    .map(|number| {
                        let mut random = random.fork(&format!("worker {number}"));
                        Worker::new(&mut random, &account, region, number, size.keys)
                    })
                    .collect();
                Place { account, region: region.to_owned(), workers }
            })
            .collect();
        Self { places }
    }
}

impl Worker {
    fn new(
        random: &mut Random,
        account: &Account,
        region: &str,
        number: usize,
        keys: usize,
    ) -> Self {
        let team = format!("{}-{number}", random.pick(&["orders", "search", "ledger", "media"]));
        let role = Role {
            account: account.clone(),
            path: (*random.pick(&PATHS)).to_owned(),
            name: format!("{team}-role"),
            id: random.unique_id("AROA"),
        };
        let session = |name: &str, origin| {
            Identity::Session(Session {
                role: role.clone(),
                name: name.to_owned(),
                access_key: String::new(),
                opened: 0,
                origin,
            })
        };
        let identity = match random.below(10) {
            0..=4 => {
                let arn = account.arn("lambda", region, &format!("function:{team}"));
                session(&team, Origin::Function(arn))
            }
            5 | 6 => session("", Origin::Instance(String::new())),
            7 => {
                let host = "oidc-provider/token.actions.githubusercontent.com";
                session("GitHubActions", Origin::Web(account.arn("iam", "", host)))
            }
            8 => session("someone@example.com", Origin::Assumed),
            _ => Identity::User(User {
                account: account.clone(),
                path: "/".to_owned(),
                name: format!("{team}-user"),
                id: random.unique_id("AIDA"),
                access_key: random.unique_id("AKI"),
            }),
        };
        let address = format!(
            "{}.{}.{}.{}",
            random.between(11, 99),
            random.below(256),
            random.below(256),
            random.between(1, 254)
        );
        let tasks = tasks(random, account, &team, keys);
        Self { identity, region: region.to_owned(), address, agent: *random.pick(&AGENTS), tasks }
    }

    /// Returns the ARN of the principal.
    pub fn principal(&self) -> Option<String> {
        self.identity.principal()
    }

    /// Returns the worker at a time: the session it then has, the machine it then runs on.
    ///
    /// Sessions last six hours; the same call gives the same session.
    pub fn at(&self, time: Seconds) -> Actor {
        const LENGTH: Seconds = 6 * 3600;
        let opened = time.div_euclid(LENGTH) * LENGTH;
        let mut identity = self.identity.clone();
        if let Identity::Session(session) = &mut identity {
            let mut random = Random::new(opened as u64).fork(&session.role.id);
            session.opened = opened;
            session.access_key = random.unique_id("ASI");
            if let Origin::Instance(arn) = &mut session.origin {
                session.name = format!("i-0{}", random.hex(16));
                *arn = session.role.account.arn(
                    "ec2",
                    &self.region,
                    &format!("instance/{}", session.name),
                );
            }
        }
        Actor {
            account: self.identity.account().map_or_else(String::new, |home| home.id.clone()),
            who: Arc::new(identity),
            region: self.region.clone(),
            address: self.address.clone(),
            agent: self.agent.to_owned(),
        }
    }
}

/// Returns three to ten kinds of work, most of them on data.
fn tasks(random: &mut Random, account: &Account, team: &str, keys: usize) -> Vec<Task> {
    let bucket = format!("{team}-{}", account.id);
    let count = 3 + random.below(8);
    (0..count)
        .map(|index| {
            let named = format!("{team}-{index}");
            let law = || Zipf::new(keys);
            match random.below(32) {
                0..=2 => Task::ReadObjects(bucket.clone(), law()),
                3 | 4 => Task::WriteObjects(bucket.clone()),
                5 => Task::HeadObjects(bucket.clone(), law()),
                6 => Task::ListObjects(bucket.clone(), "models/".to_owned()),
                7 => Task::DeleteObjects(bucket.clone()),
                8 => Task::GetItems(named),
                9 => Task::PutItems(named),
                10 => Task::QueryIndex(named, "by-owner".to_owned()),
                11 => Task::BatchGet(named, format!("{team}-other")),
                12 => Task::Send(named),
                13 => Task::Receive(named),
                14 => Task::Delete(named),
                15 => Task::Publish(named),
                16 => Task::Secret(format!("{team}/{index}"), random.alphanumeric(6)),
                17 => Task::Decrypt(random.uuid()),
                18 => Task::Parameter(format!("/{team}/{index}")),
                19 => Task::LogStream(format!("/aws/lambda/{named}")),
                20 => Task::Deploy(named, bucket.clone()),
                21 => Task::Stack(named, random.uuid()),
                22 => Task::Push(named),
                23 => Task::OddObjects(bucket.clone()),
                24 => Task::CopyObjects(bucket.clone(), format!("{named}-copies")),
                25 => Task::SendBatch(named),
                26 => Task::DataKey(random.uuid(), named),
                27 => Task::Invoke(named),
                28 => Task::LogGroups(format!("/aws/{team}")),
                29 => {
                    let role = account.arn("iam", "", &format!("role/service/{named}"));
                    Task::CreateFunction(named, role)
                }
                30 => Task::Launch(
                    ["ami", "subnet", "sg"].map(|kind| format!("{kind}-0{}", random.hex(16))),
                ),
                _ => random.pick(&[Task::Instances, Task::WhoAmI]).clone(),
            }
        })
        .collect()
}
