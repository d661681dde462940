//! Secrets Manager, Parameter Store, and the KMS calls they make on a principal's behalf.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::Object;

/// Reads a secret; `id` is its full ARN or its name, whichever the caller wrote.
///
/// `arn` is the secret's, with the six characters that the service put behind its name.
pub fn get_secret_value(id: &str, arn: &str) -> Call {
    Call::new("secretsmanager.amazonaws.com", "GetSecretValue")
        .parameters(Object::new().text("secretId", id))
        .need("secretsmanager:GetSecretValue", arn)
}

/// Lists the secrets.
pub fn list_secrets() -> Call {
    Call::new("secretsmanager.amazonaws.com", "ListSecrets")
        .parameters(Object::new().number("maxResults", 100))
        .need("secretsmanager:ListSecrets", "*")
}

/// Decrypts under a key; `context` is the name and value of the encryption context.
///
/// Made by a service on the principal's behalf the record has no key id, so only
/// `resources[]` tells which key it was.
pub fn decrypt(place: Place<'_>, key: &str, context: (&str, &str)) -> Call {
    let arn = place.arn("kms", &format!("key/{key}"));
    Call::new("kms.amazonaws.com", "Decrypt")
        .parameters(
            Object::new()
                .object("encryptionContext", Object::new().text(context.0, context.1))
                .text("encryptionAlgorithm", "SYMMETRIC_DEFAULT"),
        )
        .resource("AWS::KMS::Key", &arn, place.id())
        .need("kms:Decrypt", &arn)
}

/// Makes a data key, naming the key by an alias that no identity policy can use.
pub fn generate_data_key(place: Place<'_>, key: &str, alias: &str) -> Call {
    let arn = place.arn("kms", &format!("key/{key}"));
    Call::new("kms.amazonaws.com", "GenerateDataKey")
        .parameters(
            Object::new().text("keyId", &format!("alias/{alias}")).text("keySpec", "AES_256"),
        )
        .resource("AWS::KMS::Key", &arn, place.id())
        .need("kms:GenerateDataKey", &arn)
}

/// Reads a parameter; `name` begins with a slash or does not.
pub fn get_parameter(place: Place<'_>, name: &str) -> Call {
    let arn = place.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')));
    Call::new("ssm.amazonaws.com", "GetParameter")
        .parameters(Object::new().text("name", name).flag("withDecryption", true))
        .resource("", &arn, place.id())
        .need("ssm:GetParameter", &arn)
}
