//! What an actor does over and over.
//!
//! A task is data: it can be given to any actor, and makes a fresh [`Call`] each
//! time, on another key or with another message. The permissions that it needs
//! vary only in the names that a policy would have to generalise.

use super::api::{Place, compute, delivery, identity, messaging, secrets, storage, tables};
use super::clock::{Seconds, folder};
use super::event::Call;
use super::identity::{Origin, Role, Session};
use crate::random::{Random, Zipf};

/// Something that an actor does repeatedly.
#[derive(Clone, Debug)]
pub enum Task {
    /// Reads objects of a bucket whose keys follow Zipf's law.
    ReadObjects(String, Zipf),
    /// Writes objects under dated keys, each a new one.
    WriteObjects(String),
    /// Asks for objects' metadata.
    HeadObjects(String, Zipf),
    /// Deletes objects, each another one.
    DeleteObjects(String),
    /// Lists a bucket under a prefix.
    ListObjects(String, String),
    /// Reads items of a table.
    GetItems(String),
    /// Writes items of a table.
    PutItems(String),
    /// Queries an index of a table.
    QueryIndex(String, String),
    /// Reads items of two tables at once.
    BatchGet(String, String),
    /// Sends to a queue.
    Send(String),
    /// Receives from a queue.
    Receive(String),
    /// Deletes from a queue.
    Delete(String),
    /// Publishes to a topic.
    Publish(String),
    /// Reads a secret by name; the six characters behind its name follow.
    Secret(String, String),
    /// Decrypts under a key, itself, with a context of its own.
    Decrypt(String),
    /// Reads a parameter.
    Parameter(String),
    /// Takes on a role.
    Assume(Box<Role>),
    /// Opens log streams in a group.
    LogStream(String),
    /// Updates a function from a bucket.
    Deploy(String, String),
    /// Describes a stack.
    Stack(String, String),
    /// Pushes an image.
    Push(String),
    /// Reads objects whose keys have in them what JSON, ARNs or policies give a meaning to.
    OddObjects(String),
    /// Copies objects from one bucket to another.
    CopyObjects(String, String),
    /// Sends several messages at once.
    SendBatch(String),
    /// Makes data keys, naming the key by an alias.
    DataKey(String, String),
    /// Calls a function.
    Invoke(String),
    /// Describes the log groups under a prefix.
    LogGroups(String),
    /// Creates functions that are given this role.
    CreateFunction(String, String),
    /// Launches instances of an image in a subnet and a security group.
    Launch([String; 3]),
    /// Describes instances.
    Instances,
    /// Asks who it is, without a permission.
    WhoAmI,
}

impl Task {
    /// Makes a call.
    pub fn call(&self, place: Place<'_>, time: Seconds, random: &mut Random) -> Call {
        match self {
            Self::ReadObjects(bucket, keys) => {
                storage::get_object(place, bucket, &known_key(keys, random))
            }
            Self::HeadObjects(bucket, keys) => {
                storage::head_object(place, bucket, &known_key(keys, random))
            }
            Self::WriteObjects(bucket) => {
                storage::put_object(place, bucket, &new_key(time, random))
            }
            Self::DeleteObjects(bucket) => {
                storage::delete_object(place, bucket, &new_key(time, random))
            }
            Self::ListObjects(bucket, prefix) => storage::list_objects(place, bucket, prefix),
            Self::GetItems(table) => tables::get_item(place, table, &random.hex(12)),
            Self::PutItems(table) => tables::put_item(place, table, &random.hex(12)),
            Self::QueryIndex(table, index) => tables::query(place, table, Some(index)),
            Self::BatchGet(one, other) => tables::batch_get_item(place, &[one, other]),
            Self::Send(queue) => messaging::send_message(place, queue),
            Self::Receive(queue) => messaging::receive_message(place, queue),
            Self::Delete(queue) => messaging::delete_message(place, queue),
            Self::Publish(topic) => messaging::publish(place, topic),
            Self::Secret(name, suffix) => {
                let arn = place.arn("secretsmanager", &format!("secret:{name}-{suffix}"));
                secrets::get_secret_value(name, &arn)
            }
            Self::Decrypt(key) => secrets::decrypt(place, key, ("purpose", "tokens")),
            Self::Parameter(name) => secrets::get_parameter(place, name),
            Self::Assume(role) => identity::assume_role(&Session {
                role: (**role).clone(),
                name: "chained".to_owned(),
                access_key: random.unique_id("ASI"),
                opened: time,
                origin: Origin::Assumed,
            }),
            Self::LogStream(group) => {
                let stream = format!("{}/[$LATEST]{}", folder(time), random.hex(32));
                compute::create_log_stream(place, group, &stream)
            }
            Self::Deploy(function, bucket) => {
                compute::update_function_code(place, function, bucket, &random.hex(40))
            }
            Self::Stack(name, uuid) => {
                delivery::describe_stacks(place, delivery::Stack { name, uuid })
            }
            Self::Push(repository) => delivery::put_image(place, repository, &random.hex(7)),
            Self::OddObjects(bucket) => {
                storage::get_object(place, bucket, random.pick::<&str>(&ODD_KEYS))
            }
            Self::CopyObjects(from, to) => {
                let key = new_key(time, random);
                storage::copy_object(place, (from, &key), (to, &key))
            }
            Self::SendBatch(queue) => messaging::send_message_batch(place, queue),
            Self::DataKey(key, alias) => secrets::generate_data_key(place, key, alias),
            Self::Invoke(function) => compute::invoke(place, function),
            Self::LogGroups(prefix) => compute::describe_log_groups(prefix),
            Self::CreateFunction(function, role) => compute::create_function(place, function, role),
            Self::Launch([image, subnet, group]) => compute::run_instances(
                place,
                &compute::Launch {
                    image,
                    subnet,
                    group,
                    instance: &format!("i-0{}", random.hex(16)),
                    profile: None,
                },
            ),
            Self::Instances => compute::describe_instances(),
            Self::WhoAmI => identity::get_caller_identity(),
        }
    }
}

/// Keys that are ordinary to S3 and to nobody else.
const ODD_KEYS: [&str; 10] = [
    "with space/and+plus.txt",
    "star*.txt",
    "question?.txt",
    "${aws:username}/dollar$.txt",
    "quote\"and\\backslash.txt",
    "d\u{e9}j\u{e0}/vu.txt",
    "\u{65e5}\u{672c}\u{8a9e}/\u{8cc7}\u{6599}.txt",
    "folder/",
    "colon:in:key",
    "//double/slash",
];

fn known_key(keys: &Zipf, random: &mut Random) -> String {
    let rank = keys.draw(random);
    format!("models/{:02}/weights-{rank}.bin", rank % 16)
}

fn new_key(time: Seconds, random: &mut Random) -> String {
    let mut key = format!("raw/{}/part-", folder(time));
    random.uuid_onto(&mut key);
    key.push_str(".parquet");
    key
}
