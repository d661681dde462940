//! DynamoDB: item calls are data events, with only the table in `resources[]`
//! even where an index is what the permission is checked against.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::Object;

const SOURCE: &str = "dynamodb.amazonaws.com";

fn item_call(place: Place<'_>, name: &'static str, table: &str, parameters: Object) -> Call {
    Call::new(SOURCE, name).version("2012-08-10").data().parameters(parameters).resource(
        "AWS::DynamoDB::Table",
        &table_arn(place, table),
        place.id(),
    )
}

fn table_arn(place: Place<'_>, table: &str) -> String {
    place.arn("dynamodb", &format!("table/{table}"))
}

/// Reads one item.
pub fn get_item(place: Place<'_>, table: &str, key: &str) -> Call {
    let parameters = Object::new()
        .text("tableName", table)
        .object("key", Object::new().text("pk", key))
        .flag("consistentRead", false);
    item_call(place, "GetItem", table, parameters)
        .need("dynamodb:GetItem", &table_arn(place, table))
}

/// Writes one item.
pub fn put_item(place: Place<'_>, table: &str, key: &str) -> Call {
    let parameters = Object::new()
        .text("tableName", table)
        .object("key", Object::new().text("pk", key))
        .texts("items", &["pk", "state", "total"]);
    item_call(place, "PutItem", table, parameters)
        .writes()
        .need("dynamodb:PutItem", &table_arn(place, table))
}

/// Changes one item.
pub fn update_item(place: Place<'_>, table: &str, key: &str) -> Call {
    let parameters = Object::new()
        .text("tableName", table)
        .object("key", Object::new().text("pk", key))
        .text("conditionExpression", "attribute_exists(pk)");
    item_call(place, "UpdateItem", table, parameters)
        .writes()
        .need("dynamodb:UpdateItem", &table_arn(place, table))
}

/// Queries a table, or one of its indexes.
///
/// For an index the service authorization reference has both: the table is a required resource
/// of the action, the index an optional one.
pub fn query(place: Place<'_>, table: &str, index: Option<&str>) -> Call {
    let parameters = Object::new()
        .text("tableName", table)
        .text_if("indexName", index)
        .text("keyConditionExpression", "customer = :c");
    let arn = table_arn(place, table);
    let call = item_call(place, "Query", table, parameters).need("dynamodb:Query", &arn);
    match index {
        Some(index) => call.need("dynamodb:Query", &format!("{arn}/index/{index}")),
        None => call,
    }
}

/// Reads items of several tables at once; the tables are keys of an object.
pub fn batch_get_item(place: Place<'_>, tables: &[&str]) -> Call {
    let mut requests = Object::new();
    for table in tables {
        let keys = Object::new().raw("keys", "[{\"pk\":\"a\"},{\"pk\":\"b\"}]");
        requests = requests.object(table, keys);
    }
    let mut call = Call::new(SOURCE, "BatchGetItem")
        .version("2012-08-10")
        .data()
        .parameters(Object::new().object("requestItems", requests));
    for table in tables {
        let arn = table_arn(place, table);
        call = call
            .resource("AWS::DynamoDB::Table", &arn, place.id())
            .need("dynamodb:BatchGetItem", &arn);
    }
    call
}

/// Describes a table: a management event without `resources[]`.
pub fn describe_table(place: Place<'_>, table: &str) -> Call {
    Call::new(SOURCE, "DescribeTable")
        .version("2012-08-10")
        .parameters(Object::new().text("tableName", table))
        .need("dynamodb:DescribeTable", &table_arn(place, table))
}

/// Lists the tables.
pub fn list_tables() -> Call {
    Call::new(SOURCE, "ListTables")
        .version("2012-08-10")
        .parameters(Object::new().number("limit", 100))
        .need("dynamodb:ListTables", "*")
}

/// Asks for endpoints, as some clients do on their own; no permission is needed.
pub fn describe_endpoints() -> Call {
    Call::new(SOURCE, "DescribeEndpoints").version("2012-08-10")
}
